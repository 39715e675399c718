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
    py.detach(|| catch_unwind(AssertUnwindSafe(work))).map_err(|_| failed())?.map_err(raise)
}

/// As [`run`], but keeps the lock when there are so few bytes that the work ends within about 50 µs: taking it again can
/// mean waiting a whole turn (5 ms) of another thread.
pub(crate) fn run_on<Value: Ungil + Send>(
    py: Python<'_>,
    bytes: &[u8],
    work: impl FnOnce() -> Result<Value, Error> + Ungil + Send,
) -> PyResult<Value> {
    const QUICK_BYTES: usize = 32 * 1024;
    if bytes.len() > QUICK_BYTES {
        return run(py, work);
    }
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| failed())?.map_err(raise)
}

fn failed() -> PyErr {
    PyRuntimeError::new_err("The core failed inside; this call has no result.")
}
