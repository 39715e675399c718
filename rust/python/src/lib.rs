//! The extension module `penstock._core`: conversion between Python values and penstock-core, and nothing else. What each
//! name promises is written in `python/penstock/_core.pyi`.

mod batches;
mod errors;
mod foreign;
mod lists;
mod numbers;
mod recipients;
mod redaction;
mod requests;
mod singles;
mod texts;

/// The Rust core, as Python sees it.
#[pyo3::pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::batches::{EncodedBatch, encode_batch, find_numbers, payload_rows};
    #[pymodule_export]
    use crate::errors::{CoreError, FormatError, PayloadError, PrefixChanged, TemplateError};
    #[pymodule_export]
    use crate::foreign::{BulkAnswer, Reports, read_bulk_answer, read_reports};
    #[pymodule_export]
    use crate::numbers::{Number, number_zones, parse_number};
    #[pymodule_export]
    use crate::recipients::{Checkpoint, Chunk, RecipientParser};
    #[pymodule_export]
    use crate::redaction::Redactor;
    #[pymodule_export]
    use crate::requests::{canonical_json, fingerprint};
    #[pymodule_export]
    use crate::singles::{Joined, join_payloads, pack_messages, read_numbers};
    #[pymodule_export]
    use crate::texts::{SegmentColumns, Segments, Template, Transliteration, segments, segments_many, transliterate};

    #[pymodule_export]
    const CODEC_VERSION: u8 = penstock_core::CODEC_VERSION;
    #[pymodule_export]
    const NUMBER_METADATA_VERSION: &str = penstock_core::phone::METADATA_VERSION;
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name Python expects")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::errors::silence_panics();
        // Set, not exported: it does not belong in `__all__`.
        module.setattr("_panic_for_test", wrap_pyfunction!(crate::recipients::panic_for_test, module)?)
    }
}
