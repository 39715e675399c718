"""The embedded PostgreSQL: how it is launched, when it is ready, and under which address.

Not for SQL: nothing here speaks to the database.
"""

from signal import SIGINT, SIGKILL, SIGQUIT
from typing import ClassVar
from urllib.parse import quote

from penstock.embedded.account import Account
from penstock.embedded.binaries import find_postgres
from penstock.embedded.cluster import NAME, SUPERUSER, ensure_cluster, forget_stale_pid
from penstock.embedded.process import Identity, ServerProcess, start_server
from penstock.embedded.server import EmbeddedServer

PID_FILE_STATUS_LINE = 7

# For two cores and a few gigabytes, beside the gateway itself; all of them valid from PostgreSQL 15 on.
DEFAULTS = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "max_wal_size": "4GB",  # fewer checkpoints, so fewer full-page images in a campaign's burst of updates
    "checkpoint_timeout": "15min",
    "wal_compression": "pglz",  # the one method that every build has
    "random_page_cost": "1.1",
    "jit": "off",  # short statements: compiling costs more than it saves
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Errors go to the client, which masks them before it logs. In the server's log their text could carry phone numbers.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class EmbeddedPostgres(EmbeddedServer):
    """A private PostgreSQL on a unix socket, with a role and a database named `penstock`."""

    title = "PostgreSQL"
    socket_name = ".s.PGSQL.5432"
    # Fast stop, then stop without a checkpoint (the next start recovers), then the kernel's way.
    ending: ClassVar = ((SIGINT, 30.0), (SIGQUIT, 5.0), (SIGKILL, 5.0))
    passing_complaint = "still in use"  # children of a killed server, about to notice

    @property
    def address(self) -> str:
        """The DSN of the role and database `penstock`."""
        return self.dsn_for(NAME)

    dsn = address

    def dsn_for(self, database: str, *, user: str = NAME) -> str:
        """Return the DSN of another database or role of this server; `postgres` is its superuser."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self.socket_folder))}"

    @property
    def superuser_dsn(self) -> str:
        """The DSN for making and dropping databases."""
        return self.dsn_for("postgres", user=SUPERUSER)

    _find_program = staticmethod(find_postgres)

    def _identity(self, account: Account) -> Identity:
        return Identity(("postgres",), ("-D", str(self.data)), account.uid)

    def _launch(self, account: Account) -> ServerProcess:
        program = self._program(account)
        settings = DEFAULTS | self._settings | self._fixed_settings()
        ensure_cluster(self.data, program, account, durable=settings.get("fsync", "on") == "on")
        identity = self._identity(account)
        forget_stale_pid(self.data, identity)
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self.log.opened() as log:
            return start_server(identity, [str(program), *identity.arguments, *options], account, log)

    def _fixed_settings(self) -> dict[str, str]:
        return {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
            "log_destination": "stderr",
        }

    def _is_ready(self, pid: int) -> bool:
        """Read the status that the server itself keeps in its pid file: no protocol, and right during recovery too."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return (
            len(lines) > PID_FILE_STATUS_LINE
            and lines[0].strip() == str(pid)
            and lines[PID_FILE_STATUS_LINE].strip() == "ready"
        )
