"""How many of what lasts long may run at once in this process, and how many of a tenant: uploads, listeners.

Not a queue: who comes too late is told to come again, while its body is still at home.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from penstock.domain.errors import UnavailableError
from penstock.domain.ids import TenantId

RETRY_AFTER_S: Final = 5


class Slots:
    """The places of this process for one kind of thing."""

    def __init__(self, what: str, most: int, most_of_a_tenant: int) -> None:
        """`what`: the word for them, in the plural."""
        self._what = what
        self._most = most
        self._most_of_a_tenant = most_of_a_tenant
        self._taken: Counter[TenantId] = Counter()

    @contextmanager
    def take(self, tenant_id: TenantId) -> Iterator[None]:
        """Hold a place. Raises UnavailableError when all are taken, or this tenant's share of them."""
        if self._taken.total() >= self._most or self._taken[tenant_id] >= self._most_of_a_tenant:
            raise UnavailableError(
                f"As many {self._what} are running as this server takes at once.", retry_after_s=RETRY_AFTER_S
            )
        self._taken[tenant_id] += 1
        try:
            yield
        finally:
            self._taken[tenant_id] -= 1
            self._taken += Counter()  # forgets tenants without any
