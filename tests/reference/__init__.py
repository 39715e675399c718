"""Plain Python twins of the Rust core: slow, obvious, and written from the promises, not from the core's code."""
