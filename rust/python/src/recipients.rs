//! Recipient files.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use penstock_core::{Error, chunk, recipients};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{broken, call, raise, run};
use crate::texts::Template;

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct Checkpoint(chunk::Checkpoint);

#[pymethods]
impl Checkpoint {
    #[new]
    #[pyo3(signature = (*, offset, line, rows, digest, header))]
    fn new(offset: u64, line: u64, rows: u64, digest: &[u8], header: String) -> PyResult<Self> {
        let digest = fixed(digest, "digest")?;
        Ok(Self(chunk::Checkpoint { offset, line, rows, digest, header }))
    }

    #[getter]
    fn offset(&self) -> u64 {
        self.0.offset
    }

    #[getter]
    fn line(&self) -> u64 {
        self.0.line
    }

    #[getter]
    fn rows(&self) -> u64 {
        self.0.rows
    }

    #[getter]
    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.digest)
    }

    #[getter]
    fn header(&self) -> &str {
        &self.0.header
    }
}

#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct Chunk(chunk::Chunk);

#[pymethods]
impl Chunk {
    #[getter]
    fn first_seq(&self) -> u32 {
        self.0.first_seq
    }

    #[getter]
    fn messages(&self) -> usize {
        self.0.messages()
    }

    #[getter]
    fn segments(&self) -> u64 {
        self.0.segments
    }

    #[getter]
    fn rows(&self) -> u64 {
        self.0.rows
    }

    #[getter]
    fn longest(&self) -> u8 {
        self.0.longest()
    }

    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &run(py, || Ok(self.0.payload()))?))
    }

    #[getter]
    fn zone_groups(&self) -> Vec<(&str, u32, u32, u64)> {
        self.0
            .groups
            .iter()
            .map(|range| (range.zones.as_str(), range.first_seq, range.last_seq, range.segments))
            .collect()
    }

    #[getter]
    fn skipped(&self) -> PyResult<BTreeMap<&'static str, u64>> {
        call(|| Ok(self.0.skipped()))
    }

    #[getter]
    fn end(&self) -> Checkpoint {
        Checkpoint(self.0.end.clone())
    }

    fn problems(&self, limit: usize) -> PyResult<Vec<(u64, &'static str, &str)>> {
        let problems = || self.0.problems(limit).map(|(line, reason, detail)| (line, reason.name(), detail)).collect();
        call(|| Ok(problems()))
    }

    fn copy_messages<'py>(&self, py: Python<'py>, tenant_id: i32, campaign_id: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let campaign_id = fixed(campaign_id, "campaign_id")?;
        Ok(PyBytes::new(py, &run(py, || Ok(self.0.copy_messages(tenant_id, campaign_id)))?))
    }

    fn copy_skipped<'py>(
        &self,
        py: Python<'py>,
        tenant_id: i32,
        campaign_id: &[u8],
        upload_no: i32,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let campaign_id = fixed(campaign_id, "campaign_id")?;
        Ok(PyBytes::new(py, &run(py, || Ok(self.0.copy_skipped(tenant_id, campaign_id, upload_no)))?))
    }
}

/// One thread at a time: a second one waits, with the interpreter lock released.
#[pyclass(frozen, module = "penstock._core")]
pub(crate) struct RecipientParser(Mutex<recipients::RecipientParser>);

#[pymethods]
impl RecipientParser {
    #[new]
    #[pyo3(signature = (
        format, template, *, traffic_account_id, sender, region=None, phone_column=None, time_zones=None,
        zone_column=None, countries=None, max_parts=10, chunk_messages=5000, chunk_bytes=1_000_000, first_seq=0, resume=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are the keywords of the Python signature")]
    fn new(
        py: Python<'_>,
        format: &str,
        template: &Template,
        traffic_account_id: String,
        sender: String,
        region: Option<String>,
        phone_column: Option<String>,
        time_zones: Option<HashMap<String, String>>,
        zone_column: Option<String>,
        countries: Option<Vec<String>>,
        max_parts: u32,
        chunk_messages: usize,
        chunk_bytes: usize,
        first_seq: u32,
        resume: Option<&Checkpoint>,
    ) -> PyResult<Self> {
        let format = call(|| format.parse())?;
        let settings = recipients::Settings {
            format,
            template: template.0.clone(),
            traffic_account_id,
            sender,
            region,
            phone_column,
            time_zones,
            zone_column,
            countries,
            max_parts,
            chunk_messages,
            chunk_bytes,
            first_seq,
            resume: resume.map(|checkpoint| checkpoint.0.clone()),
        };
        run(py, || recipients::RecipientParser::new(settings)).map(|parser| Self(Mutex::new(parser)))
    }

    fn remember(&self, py: Python<'_>, numbers: &[u8]) -> PyResult<()> {
        let numbers = integers(numbers)?;
        self.with(py, |parser| {
            parser.remember(numbers.iter().map(|bytes| i64::from_be_bytes(*bytes)));
            Ok(())
        })
    }

    fn exclude(&self, py: Python<'_>, numbers: &[u8]) -> PyResult<()> {
        let numbers = integers(numbers)?;
        self.with(py, |parser| {
            parser.exclude(numbers.iter().map(|bytes| i64::from_be_bytes(*bytes)));
            Ok(())
        })
    }

    fn feed(&self, py: Python<'_>, data: &[u8]) -> PyResult<Vec<Chunk>> {
        self.with(py, |parser| Ok(parser.feed(data)?.into_iter().map(Chunk).collect()))
    }

    fn finish(&self, py: Python<'_>) -> PyResult<Vec<Chunk>> {
        self.with(py, |parser| Ok(parser.finish()?.into_iter().map(Chunk).collect()))
    }
}

impl RecipientParser {
    fn with<Value: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut recipients::RecipientParser) -> Result<Value, Error> + Send,
    ) -> PyResult<Value> {
        let done = run(py, || match self.0.lock() {
            Ok(mut parser) => work(&mut parser).map(Some),
            Err(_) => Ok(None),
        });
        done?.ok_or_else(|| broken("parser"))
    }
}

/// Panics with `message`, inside `parser` if there is one, and shows that no panic gets further than [`crate::errors`].
///
/// It is always there, because a feature of the build would test another library than the one that is shipped; it does
/// nothing that a caller could not do with `raise`.
#[pyfunction(name = "_panic_for_test")]
#[pyo3(signature = (message, parser=None))]
pub(crate) fn panic_for_test(py: Python<'_>, message: &str, parser: Option<&RecipientParser>) -> PyResult<()> {
    match parser {
        Some(parser) => parser.with(py, |_| panic!("{message}")),
        None => call(|| panic!("{message}")),
    }
}

fn fixed<const N: usize>(bytes: &[u8], name: &str) -> PyResult<[u8; N]> {
    bytes.try_into().map_err(|_| raise(Error::Argument(format!("{name} has {N} bytes, not {}.", bytes.len()))))
}

fn integers(bytes: &[u8]) -> PyResult<&[[u8; 8]]> {
    match bytes.as_chunks() {
        (integers, []) => Ok(integers),
        _ => Err(raise(Error::Argument("Packed numbers take eight bytes each.".into()))),
    }
}
