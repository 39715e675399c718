"""Single functions of the core beside what Python would do. Each module has `cases()`; `run.py` runs them all."""
