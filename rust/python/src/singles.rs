//! Single messages.

use penstock_core::{batch, singles};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyBytes;

use crate::errors::run;
use crate::texts::Template;

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "a sequence of Python texts arrives as a list of its own")]
pub(crate) fn read_numbers(
    py: Python<'_>,
    texts: Vec<PyBackedStr>,
    region: Option<&str>,
) -> PyResult<Vec<Option<i64>>> {
    run(py, || singles::read_numbers(&texts, region))
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "sequences of Python values arrive as lists of their own")]
pub(crate) fn pack_messages(
    py: Python<'_>,
    numbers: Vec<i64>,
    texts: Vec<PyBackedStr>,
    first_seq: u32,
) -> PyResult<Bound<'_, PyBytes>> {
    Ok(PyBytes::new(py, &run(py, || singles::pack_messages(&numbers, &texts, first_seq))?))
}

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct Joined(singles::Joined);

#[pymethods]
impl Joined {
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.payload)
    }

    #[getter]
    fn payloads(&self) -> usize {
        self.0.payloads
    }

    #[getter]
    fn messages(&self) -> usize {
        self.0.messages
    }

    #[getter]
    fn segments(&self) -> u64 {
        self.0.segments
    }
}

#[pyfunction]
#[pyo3(signature = (payloads, template, *, traffic_account_id, sender, max_messages, max_segments, max_bytes))]
#[expect(clippy::too_many_arguments, reason = "they are the keywords of the Python signature")]
#[expect(clippy::needless_pass_by_value, reason = "a sequence of Python bytes arrives as a list of its own")]
pub(crate) fn join_payloads(
    py: Python<'_>,
    payloads: Vec<PyBackedBytes>,
    template: &Template,
    traffic_account_id: &str,
    sender: &str,
    max_messages: usize,
    max_segments: usize,
    max_bytes: usize,
) -> PyResult<Joined> {
    let bounds = batch::Bounds { messages: max_messages, segments: max_segments, bytes: max_bytes };
    run(py, || {
        let envelope = batch::Envelope::new(traffic_account_id, sender);
        singles::join_payloads(&payloads, &template.0, &envelope, bounds)
    })
    .map(Joined)
}
