//! Core errors to Python exceptions, in one place, and the two ways a core function is called: [`run`] for work that may
//! take long, [`call`] for work that cannot. Nothing calls the core past them.
//!
//! A panic is a defect, and it ends one call: it becomes a `RuntimeError`. Left to itself it would become `PyO3`'s
//! `PanicException`, which is no `Exception` and would pass through every handler of one failed call. Its message may quote
//! the text it happened in, so neither the exception nor standard error get to see it: what is told is the place in the
//! source. The panic hook that sees to this is this library's own, for an extension module carries its own copy of Rust's
//! runtime, so no other Rust in the process is touched.

use std::cell::Cell;
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

/// The error of every call to an object in which a call panicked before: nobody knows what state it is in.
pub(crate) fn broken(what: &str) -> PyErr {
    PyRuntimeError::new_err(format!("This {what} failed inside before; begin again with a new one."))
}

/// Runs `work` with the interpreter lock released.
pub(crate) fn run<Value: Ungil + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<Value, Error> + Ungil + Send,
) -> PyResult<Value> {
    py.detach(|| guard(work))?.map_err(raise)
}

/// Runs `work` under the interpreter lock: for what takes less time than handing the lock over.
pub(crate) fn call<Value>(work: impl FnOnce() -> Result<Value, Error>) -> PyResult<Value> {
    guard(work)?.map_err(raise)
}

/// As [`run`] for many bytes, as [`call`] for so few that the work ends within about 50 µs: taking the lock again can mean
/// waiting a whole turn (5 ms) of another thread.
pub(crate) fn run_on<Value: Ungil + Send>(
    py: Python<'_>,
    bytes: &[u8],
    work: impl FnOnce() -> Result<Value, Error> + Ungil + Send,
) -> PyResult<Value> {
    const QUICK_BYTES: usize = 32 * 1024;
    if bytes.len() > QUICK_BYTES { run(py, work) } else { call(work) }
}

thread_local! {
    /// Where this thread panicked last.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

fn guard<Value>(work: impl FnOnce() -> Value) -> PyResult<Value> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let place = PLACE.take().unwrap_or_else(|| "an unknown place".to_owned());
        PyRuntimeError::new_err(format!("The core failed inside, at {place}; this call has no result."))
    })
}

/// Keeps the place of a panic for [`guard`] and prints nothing.
pub(crate) fn silence_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        PLACE.set(place);
    }));
}
