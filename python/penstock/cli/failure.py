"""Expected failures of a command: what to print, and how to exit."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FAILED: Final = 1
WRONG_SETTINGS: Final = 2


class CommandError(Exception):
    """One or more lines for the person at the terminal; no trace."""

    def __init__(self, *lines: str, exit_code: int = FAILED) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines
        self.exit_code = exit_code


def is_listen_error(error: BaseException) -> bool:
    """Whether an address could not be listened on: taken, not this machine's, or not allowed."""
    return isinstance(error, OSError) and "bind on address" in str(error)


@contextmanager
def clear_failures() -> Iterator[None]:
    """Turn the errors that a person can mend into a CommandError; anything else is a bug and keeps its trace."""
    from penstock.config import ConfigError
    from penstock.domain.errors import GatewayError
    from penstock.embedded import EmbeddedError
    from penstock.lifecycle import StartError
    from penstock.store.migrate import SchemaMismatchError

    try:
        yield
    except ConfigError as error:
        raise CommandError(*error.problems, exit_code=WRONG_SETTINGS) from error
    except (GatewayError, EmbeddedError, SchemaMismatchError, StartError) as error:
        raise CommandError(str(error)) from error
