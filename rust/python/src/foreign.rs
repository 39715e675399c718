//! What the provider says: answers to bulk sends and delivery reports.

use penstock_core::{answer, report};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::errors::run;
use crate::lists::list;

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct BulkAnswer(answer::BulkAnswer);

#[pymethods]
impl BulkAnswer {
    #[getter]
    fn reason(&self) -> Option<&'static str> {
        self.0.reason.map(answer::Distrust::name)
    }

    #[getter]
    fn bulk_id(&self) -> Option<&str> {
        self.0.bulk_id.as_deref()
    }

    #[getter]
    fn positions(&self) -> &[usize] {
        &self.0.positions
    }

    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, &self.0.ids)
    }

    #[getter]
    fn refused(&self) -> &[(usize, String)] {
        &self.0.refused
    }
}

#[pyfunction]
pub(crate) fn read_bulk_answer(py: Python<'_>, body: &[u8], expected: usize) -> PyResult<BulkAnswer> {
    run(py, || Ok(answer::read_bulk_answer(body, expected))).map(BulkAnswer)
}

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct Reports(report::Reports);

#[pymethods]
impl Reports {
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, &self.0.ids)
    }

    #[getter]
    fn statuses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, &self.0.statuses)
    }

    #[getter]
    fn times_us(&self) -> &[Option<i64>] {
        &self.0.times_us
    }

    #[getter]
    fn errors(&self) -> &[Option<String>] {
        &self.0.errors
    }

    #[getter]
    fn lines<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.lines)
    }

    #[getter]
    fn unreadable(&self) -> usize {
        self.0.unreadable
    }
}

#[pyfunction]
pub(crate) fn read_reports(py: Python<'_>, data: &[u8], content_type: &str) -> PyResult<Reports> {
    run(py, || report::read_reports(data, content_type)).map(Reports)
}
