//! What must hold for any input of any parser. The fuzzer looks for an input that breaks it; `rust/core/tests/corpus.rs`
//! includes this file and replays the committed inputs in every `cargo test`.
//!
//! A target is a module here with `check`, a line in [`TARGETS`], a program in `fuzz_targets` with its entry in `Cargo.toml`,
//! and a folder of a few small inputs in `corpus`.

#![allow(unreachable_pub, missing_docs, reason = "a crate here, a module of a test there")]

pub mod answer;
pub mod canonical;
mod choices;
pub mod payload;
pub mod phone;
pub mod recipients;
pub mod redact;
pub mod report;
pub mod segment;
pub mod template;

/// Panics when something does not hold for the input.
type Check = fn(&[u8]);

/// Every target by name.
pub const TARGETS: &[(&str, Check)] = &[
    ("answer", answer::check),
    ("canonical", canonical::check),
    ("payload", payload::check),
    ("phone", phone::check),
    ("recipients", recipients::check),
    ("redact", redact::check),
    ("report", report::check),
    ("segment", segment::check),
    ("template", template::check),
];
