//! The pure part of Penstock: recipients in, packed chunks and provider bodies out.
//!
//! Here: counting segments, templates, phone numbers, recipient files, the packed payload, the provider's bulk body and
//! answer, delivery reports, fingerprints of requests. Never here: Python, sockets, files, clocks, randomness. Each function has a plain Python
//! reference under `tests/reference` which the tests hold it against.

#![forbid(unsafe_code)]

mod audience;
mod columns;
mod copy;
mod csv;
mod flaw;
mod form;
mod intake;
mod json_scan;
mod key_order;
mod loose;
mod moment;
mod objects;
mod rows;
mod scan;
mod source;
mod survey;
mod text;
mod zone_groups;

pub mod answer;
pub mod batch;
pub mod bounds;
pub mod canonical;
pub mod chunk;
pub mod dedupe;
pub mod error;
pub mod fingerprint;
pub mod gsm7;
pub mod json_text;
pub mod payload;
pub mod phone;
pub mod recipients;
pub mod redact;
pub mod report;
pub mod segment;
pub mod singles;
pub mod skip;
pub mod template;
pub mod text_list;
pub mod transliterate;
pub mod unpack;

pub use error::Error;
pub use zone_groups::GroupRange;

/// Version of the packed payload and of the rendering rules.
pub const CODEC_VERSION: u8 = 1;
