//! Bulk bodies out of payloads.

use penstock_core::{batch, payload, unpack};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::run;
use crate::texts::Template;

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct EncodedBatch {
    /// Made once, because the caller may ask for it more than once.
    body: Py<PyBytes>,
    rest: batch::EncodedBatch,
}

#[pymethods]
impl EncodedBatch {
    #[getter]
    fn body(&self, py: Python<'_>) -> Py<PyBytes> {
        self.body.clone_ref(py)
    }

    #[getter]
    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.rest.digest)
    }

    #[getter]
    fn last_seq(&self) -> u32 {
        self.rest.last_seq
    }

    #[getter]
    fn messages(&self) -> usize {
        self.rest.messages
    }

    #[getter]
    fn segments(&self) -> u64 {
        self.rest.segments
    }

    #[getter]
    fn left_segments(&self) -> u64 {
        self.rest.left_segments
    }
}

#[pyfunction]
#[pyo3(signature = (
    payload, template, *, traffic_account_id, sender, first_seq, last_seq, excluded=None, max_messages, max_segments,
    max_bytes, reference=None,
))]
#[expect(clippy::too_many_arguments, reason = "they are the keywords of the Python signature")]
pub(crate) fn encode_batch(
    py: Python<'_>,
    payload: &[u8],
    template: &Template,
    traffic_account_id: &str,
    sender: &str,
    first_seq: u32,
    last_seq: u32,
    excluded: Option<&[u8]>,
    max_messages: usize,
    max_segments: usize,
    max_bytes: usize,
    reference: Option<&str>,
) -> PyResult<EncodedBatch> {
    let bounds = batch::Bounds { messages: max_messages, segments: max_segments, bytes: max_bytes };
    let mut rest = run(py, || {
        let mut envelope = batch::Envelope::new(traffic_account_id, sender);
        if let Some(prefix) = reference {
            envelope = envelope.with_references(prefix);
        }
        batch::encode_batch(payload, &template.0, &envelope, (first_seq, last_seq), excluded, bounds)
    })?;
    let body = PyBytes::new(py, &std::mem::take(&mut rest.body)).unbind();
    Ok(EncodedBatch { body, rest })
}

#[pyfunction]
pub(crate) fn find_numbers(py: Python<'_>, payload: &[u8], numbers: Vec<i64>) -> PyResult<Vec<u32>> {
    run(py, || payload::find_numbers(payload, numbers))
}

#[pyfunction]
#[pyo3(signature = (payload, template, seqs, number_key, also=None))]
#[expect(clippy::needless_pass_by_value, reason = "Python values arrive as values of their own")]
pub(crate) fn payload_rows<'py>(
    py: Python<'py>,
    payload: &[u8],
    template: &Template,
    seqs: Vec<u32>,
    number_key: &str,
    also: Option<(String, String)>,
) -> PyResult<Bound<'py, PyBytes>> {
    let also = also.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(PyBytes::new(py, &run(py, || unpack::payload_rows(payload, &template.0, &seqs, number_key, also))?))
}
