//! Replays the inputs of the fuzzer: those committed as seeds, and every one that once broke something.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

/// Every target has inputs and holds on all of them.
#[test]
fn committed_inputs_hold() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (target, check) in fuzz::TARGETS {
        let mut inputs: Vec<_> =
            fs::read_dir(corpus.join(target)).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        inputs.sort();
        assert!(inputs.len() >= 3, "{target} has too few inputs");
        for input in inputs {
            // Shown when it fails.
            println!("{}", input.display());
            check(&fs::read(&input).expect("an input"));
        }
    }
}

/// No folder of inputs is left out, and no target is without its program.
#[test]
fn targets_are_complete() {
    let names = |folder: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(folder);
        let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut names: Vec<String> =
            files.map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let targets: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names("corpus"), targets);
    assert_eq!(names("fuzz_targets"), targets);
}
