"""Brakes: how much may leave, never more than the limit in any window. The only package that imports redis."""
