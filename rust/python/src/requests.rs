//! What a request says, in a form that can be compared.

use penstock_core::{canonical, fingerprint as core};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::run_on;

#[pyfunction]
pub(crate) fn canonical_json<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &run_on(py, data, || canonical::canonical_json(data))?))
}

#[pyfunction]
pub(crate) fn fingerprint<'py>(
    py: Python<'py>,
    method: &str,
    path: &str,
    content_type: &str,
    body: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &run_on(py, body, || core::fingerprint(method, path, content_type, body))?))
}
