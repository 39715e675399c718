//! Segments, transliteration and templates.

use penstock_core::{segment, template, transliterate as rewriting};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::errors::{call, run};

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct Segments {
    counted: segment::Segments,
    /// Kept for UCS-2 only, to name the characters that force it when somebody asks.
    text: Option<Py<PyString>>,
}

impl Segments {
    fn new(counted: segment::Segments, text: &Bound<'_, PyString>) -> Self {
        let is_ucs2 = counted.encoding == segment::Encoding::Ucs2;
        Self { counted, text: is_ucs2.then(|| text.clone().unbind()) }
    }
}

#[pymethods]
impl Segments {
    #[getter]
    fn encoding(&self) -> &'static str {
        self.counted.encoding.name()
    }

    #[getter]
    fn units(&self) -> usize {
        self.counted.units
    }

    #[getter]
    fn parts(&self) -> usize {
        self.counted.parts
    }

    #[getter]
    fn forcing(&self, py: Python<'_>) -> PyResult<Vec<char>> {
        let Some(text) = &self.text else { return Ok(Vec::new()) };
        Ok(segment::forcing(text.bind(py).to_str()?))
    }

    fn __repr__(&self) -> String {
        let segment::Segments { encoding, units, parts } = self.counted;
        format!("Segments(encoding='{}', units={units}, parts={parts})", encoding.name())
    }
}

#[pyfunction]
pub(crate) fn segments(text: &Bound<'_, PyString>) -> PyResult<Segments> {
    let given = text.to_str()?;
    Ok(Segments::new(call(|| Ok(segment::segments(given)))?, text))
}

/// Columns, because an object for each text cost twice as much as counting it.
#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct SegmentColumns(Vec<segment::Segments>);

#[pymethods]
impl SegmentColumns {
    #[getter]
    fn encodings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.0.iter().map(|counted| PyString::intern(py, counted.encoding.name())))
    }

    #[getter]
    fn units(&self) -> Vec<usize> {
        self.0.iter().map(|counted| counted.units).collect()
    }

    #[getter]
    fn parts(&self) -> Vec<usize> {
        self.0.iter().map(|counted| counted.parts).collect()
    }
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "a sequence of Python texts arrives as a list of its own")]
pub(crate) fn segments_many(py: Python<'_>, texts: Vec<PyBackedStr>) -> PyResult<SegmentColumns> {
    run(py, || Ok(texts.iter().map(|text| segment::segments(text)).collect())).map(SegmentColumns)
}

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct Transliteration {
    made: rewriting::Transliteration,
    given: Py<PyString>,
}

#[pymethods]
impl Transliteration {
    #[getter]
    fn text(&self) -> &str {
        &self.made.text
    }

    #[getter]
    fn outcome(&self) -> &'static str {
        self.made.outcome.name()
    }

    #[getter]
    fn changes(&self) -> Vec<(&str, &str, usize)> {
        self.made.changes.iter().map(|change| (&*change.from, &*change.to, change.count)).collect()
    }

    #[getter]
    fn left(&self) -> &[char] {
        &self.made.left
    }

    #[getter]
    fn before(&self, py: Python<'_>) -> Segments {
        Segments::new(self.made.before, self.given.bind(py))
    }

    #[getter]
    fn after(&self, py: Python<'_>) -> Segments {
        Segments::new(self.made.after, self.given.bind(py))
    }

    #[getter]
    fn parts_saved(&self) -> usize {
        self.made.before.parts - self.made.after.parts
    }

    fn __repr__(&self) -> String {
        format!("Transliteration(outcome='{}', parts_saved={})", self.outcome(), self.parts_saved())
    }
}

#[pyfunction]
pub(crate) fn transliterate(text: &Bound<'_, PyString>) -> PyResult<Transliteration> {
    let given = text.to_str()?;
    let made = run(text.py(), || Ok(rewriting::transliterate(given)))?;
    Ok(Transliteration { made, given: text.clone().unbind() })
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
