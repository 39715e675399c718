//! Columns of texts as Python lists.

use penstock_core::text_list::TextList;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

/// One Python text for each.
pub(crate) fn list<'py>(py: Python<'py>, texts: &TextList) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, texts.iter().map(|text| PyString::new(py, text)))
}
