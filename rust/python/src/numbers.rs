//! Phone numbers.

use penstock_core::phone;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::{raise, run};

#[pyclass(frozen, eq, hash, module = "penstock._core")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Number(phone::Number);

#[pymethods]
impl Number {
    #[getter]
    fn e164(&self) -> i64 {
        self.0.digits()
    }

    #[getter]
    fn text(&self) -> String {
        format!("+{}", self.0.digits())
    }

    #[getter]
    fn calling_code(&self) -> u16 {
        self.0.calling_code()
    }

    #[getter]
    fn region(&self) -> Option<String> {
        self.0.region()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind().name()
    }

    #[getter]
    fn is_valid(&self) -> bool {
        self.0.kind().is_known()
    }

    #[getter]
    fn time_zones<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.time_zones().names())
    }

    /// Names no digits that say whose number it is: values of this kind are printed into logs.
    fn __repr__(&self) -> String {
        format!("Number(+{}…)", self.0.calling_code())
    }
}

#[pyfunction]
#[pyo3(signature = (text, region=None))]
pub(crate) fn parse_number(text: &str, region: Option<&str>) -> PyResult<Option<Number>> {
    let reader = phone::PhoneReader::new(region, None).map_err(raise)?;
    Ok(reader.read(text).and_then(phone::Number::new).map(Number))
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "a sequence of Python integers arrives as a list of its own")]
pub(crate) fn number_zones(py: Python<'_>, numbers: Vec<i64>) -> PyResult<Bound<'_, PyDict>> {
    let groups = PyDict::new(py);
    for (zones, positions) in run(py, || Ok(phone::group_by_zones(&numbers)))? {
        groups.set_item(PyTuple::new(py, zones.names())?, positions)?;
    }
    Ok(groups)
}
