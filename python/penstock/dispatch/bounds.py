"""What one request may carry, and the failure of a batch that cannot become one."""

from msgspec import Struct

from penstock.domain.ids import BatchId


class BatchBounds(Struct, frozen=True):
    """The most that one request carries."""

    messages: int
    body_bytes: int


class BatchFailedError(Exception):
    """The batch cannot be rendered: a defect of ours or damaged data, never the provider's fault."""

    def __init__(self, batch_id: BatchId) -> None:
        super().__init__(f"batch {batch_id} cannot be rendered")
        self.batch_id = batch_id
