"""The words: values and rules. Functions from values to values; no I/O, clock, task or randomness."""
