"""Private PostgreSQL and Valkey servers as child processes, so that a fresh machine needs nothing installed.

Not for servers that someone else runs: those are reached by their address and never started or stopped from here.
"""

from penstock.embedded.errors import EmbeddedError
from penstock.embedded.folder import DataFolder
from penstock.embedded.postgres import EmbeddedPostgres
from penstock.embedded.valkey import EmbeddedValkey

__all__ = ["DataFolder", "EmbeddedError", "EmbeddedPostgres", "EmbeddedValkey"]
