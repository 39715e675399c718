//! The extension module `penstock._core`: conversion between Python values and penstock-core, and nothing else. What each
//! name promises is written in `python/penstock/_core.pyi`.

mod batches;
mod errors;
mod foreign;
mod recipients;
mod requests;
mod texts;

/// The Rust core, as Python sees it.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use crate::batches::{EncodedBatch, encode_batch, find_numbers, payload_rows};
    #[pymodule_export]
    use crate::errors::{CoreError, FormatError, PayloadError, PrefixChanged, TemplateError};
    #[pymodule_export]
    use crate::foreign::{BulkAnswer, Reports, read_bulk_answer, read_reports};
    #[pymodule_export]
    use crate::recipients::{Checkpoint, Chunk, RecipientParser};
    #[pymodule_export]
    use crate::requests::{canonical_json, fingerprint};
    #[pymodule_export]
    use crate::texts::{Segments, Template, segments};

    #[pymodule_export]
    const CODEC_VERSION: u8 = penstock_core::CODEC_VERSION;
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name Python expects")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
