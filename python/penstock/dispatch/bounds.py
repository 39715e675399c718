"""What one request may carry, and the failure of a batch that cannot become one."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from penstock.domain.errors import UnavailableError
from penstock.domain.ids import BatchId
from penstock.store.pool import translated_errors


class BatchBounds(Struct, frozen=True):
    """The most that one request carries."""

    messages: int
    body_bytes: int


class BatchFailedError(Exception):
    """The batch cannot leave: a defect of ours, damaged data or a limit below one message, never the provider's fault."""

    def __init__(self, batch_id: BatchId) -> None:
        super().__init__(f"batch {batch_id} cannot leave")
        self.batch_id = batch_id

    @property
    def kind(self) -> str:
        """The class of what went wrong; its text may show a customer's."""
        return type(self.__cause__ or self).__name__


class LimitTooSmallError(Exception):
    """A single message has more segments than its account may send in a second: no permit will ever let it leave."""


def require_limit(batch_id: BatchId, segments: int, most: int | None) -> None:
    """Raise BatchFailedError for a request of more segments than may ever leave at once; None: there is no such limit."""
    if most is not None and segments > most:
        raise BatchFailedError(batch_id) from LimitTooSmallError()


@contextmanager
def blamed_on(batch_id: BatchId) -> Iterator[None]:
    """Whatever goes wrong inside is this batch's own failure, and stops no other. A lost database is nobody's."""
    try:
        with translated_errors():
            yield
    except UnavailableError:
        raise
    except Exception as error:
        raise BatchFailedError(batch_id) from error
