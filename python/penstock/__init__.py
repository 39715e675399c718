"""Penstock: a high-throughput SMS campaign gateway for Mitto. Every message once, and every one accounted for."""

__version__ = "0.1.0"
