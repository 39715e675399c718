"""How many uploads may run at once: each holds a parser, some chunks and every number it has seen.

Not a queue: who comes too late is told to come again, while its body is still at home.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from penstock.domain.errors import UnavailableError
from penstock.domain.ids import TenantId

MOST_UPLOADS: Final = 32
MOST_UPLOADS_OF_A_TENANT: Final = 8
RETRY_AFTER_S: Final = 5


class UploadSlots:
    """The places of this process."""

    def __init__(self) -> None:
        self._taken: Counter[TenantId] = Counter()

    @contextmanager
    def take(self, tenant_id: TenantId) -> Iterator[None]:
        """Hold a place. Raises UnavailableError when all are taken, or this tenant's share of them."""
        if self._taken.total() >= MOST_UPLOADS or self._taken[tenant_id] >= MOST_UPLOADS_OF_A_TENANT:
            raise UnavailableError("As many uploads are running as this server takes at once.", retry_after_s=RETRY_AFTER_S)
        self._taken[tenant_id] += 1
        try:
            yield
        finally:
            self._taken[tenant_id] -= 1
            self._taken += Counter()  # forgets tenants without an upload
