//! Segments and templates.

use penstock_core::{segment, template};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyTuple;

use crate::errors::call;

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct Segments(segment::Segments);

#[pymethods]
impl Segments {
    #[getter]
    fn encoding(&self) -> &'static str {
        self.0.encoding.name()
    }

    #[getter]
    fn units(&self) -> usize {
        self.0.units
    }

    #[getter]
    fn parts(&self) -> usize {
        self.0.parts
    }

    fn __repr__(&self) -> String {
        format!("Segments(encoding='{}', units={}, parts={})", self.encoding(), self.0.units, self.0.parts)
    }
}

#[pyfunction]
pub(crate) fn segments(text: &str) -> PyResult<Segments> {
    call(|| Ok(segment::segments(text))).map(Segments)
}

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct Template(pub(crate) template::Template);

#[pymethods]
impl Template {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        call(|| template::Template::new(text)).map(Self)
    }

    #[getter]
    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.names())
    }

    #[expect(clippy::needless_pass_by_value, reason = "a sequence of Python texts arrives as a list of its own")]
    fn render(&self, values: Vec<PyBackedStr>) -> PyResult<String> {
        call(|| self.0.render(&values))
    }
}
