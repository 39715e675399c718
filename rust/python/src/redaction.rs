//! Redaction of texts, JSON and headers.

use std::borrow::Cow;

use penstock_core::redact::{self, MASK};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyString};

use crate::errors::{call, run};

/// From so many bytes on the work may last 50 µs and is done with the interpreter lock released.
const LONG: usize = 32 * 1024;

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct Redactor(redact::Redactor);

#[pymethods]
impl Redactor {
    #[new]
    #[pyo3(signature = (extra_fields = Vec::new()), text_signature = "(extra_fields=())")]
    fn new(extra_fields: Vec<PyBackedStr>) -> Self {
        Self(redact::Redactor::new(extra_fields))
    }

    #[getter]
    fn fields(&self) -> Vec<&str> {
        self.0.fields()
    }

    fn text<'py>(&self, py: Python<'py>, text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
        // A text with lone surrogates has no UTF-8: it is shown with replacement characters.
        let lossy = text.to_string_lossy();
        let is_lossy = matches!(lossy, Cow::Owned(_));
        let work = || Ok(self.0.text(&lossy));
        match if lossy.len() < LONG { call(work) } else { run(py, work) }? {
            Cow::Borrowed(_) if !is_lossy => Ok(text.clone()),
            redacted => Ok(PyString::new(py, &redacted)),
        }
    }

    fn json<'py>(&self, py: Python<'py>, json: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = json.as_bytes();
        let work = || Ok(self.0.json(bytes));
        match if bytes.len() < LONG { call(work) } else { run(py, work) }? {
            Cow::Borrowed(_) => Ok(json.clone()),
            Cow::Owned(redacted) => Ok(PyBytes::new(py, &redacted)),
        }
    }

    fn headers<'py>(
        &self,
        py: Python<'py>,
        pairs: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>> {
        let mut redacted = Vec::new();
        for pair in pairs.try_iter()? {
            let (name, value): (Bound<'py, PyString>, Bound<'py, PyString>) = pair?.extract()?;
            let is_private = self.0.is_private(&name.to_string_lossy());
            let value = if is_private { PyString::new(py, MASK) } else { self.text(py, &value)? };
            redacted.push((self.text(py, &name)?, value));
        }
        Ok(redacted)
    }
}
