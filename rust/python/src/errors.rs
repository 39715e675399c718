//! Core errors to Python exceptions, in one place, and the way long work is run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use penstock_core::Error;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::marker::Ungil;
use pyo3::prelude::*;

pyo3::create_exception!(penstock._core, CoreError, PyValueError, "Root of everything the core raises on purpose.");
pyo3::create_exception!(penstock._core, TemplateError, CoreError, "A template that cannot be compiled.");
pyo3::create_exception!(penstock._core, FormatError, CoreError, "A file or report that cannot be read at all.");
pyo3::create_exception!(penstock._core, PrefixChanged, CoreError, "A resumed upload whose first bytes are others.");
pyo3::create_exception!(penstock._core, PayloadError, CoreError, "A packed payload that cannot be used.");

pub(crate) fn raise(error: Error) -> PyErr {
    match error {
        Error::Argument(text) => CoreError::new_err(text),
        Error::Template(text) => TemplateError::new_err(text),
        Error::Format(text) => FormatError::new_err(text),
        Error::PrefixChanged(text) => PrefixChanged::new_err(text),
        Error::Payload(text) => PayloadError::new_err(text),
    }
}

/// Runs `work` with the interpreter lock released. A panic in it becomes a `RuntimeError`, because `PanicException` is no
/// `Exception` and would pass through every handler of one failed call.
pub(crate) fn run<Value: Ungil + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<Value, Error> + Ungil + Send,
) -> PyResult<Value> {
    result(py.detach(|| catch_unwind(AssertUnwindSafe(work))))
}

/// The same for work so short that releasing the lock would cost more than it gives.
pub(crate) fn run_attached<Value>(work: impl FnOnce() -> Result<Value, Error>) -> PyResult<Value> {
    result(catch_unwind(AssertUnwindSafe(work)))
}

fn result<Value>(outcome: std::thread::Result<Result<Value, Error>>) -> PyResult<Value> {
    match outcome {
        Ok(result) => result.map_err(raise),
        Err(_) => Err(PyRuntimeError::new_err("The core failed inside; this call has no result.")),
    }
}
