"""The ways in which the simulator misbehaves on request: one small class each, listed in `registry`."""
