"""Mitto's messaging API: wire.py without sockets, client.py with them."""
