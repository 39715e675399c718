"""The operators' face: one file a verb. Heavy imports stay inside the commands, so that `--help` is quick."""
