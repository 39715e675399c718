"""Places for what lasts long."""

from contextlib import ExitStack

import pytest

from penstock.domain.errors import UnavailableError
from penstock.domain.ids import TenantId
from penstock.ingest.slots import Slots


def test_tenant_has_a_share_and_the_process_a_bound() -> None:
    """One tenant cannot take every place, and all together cannot take more than there are."""
    slots = Slots("uploads", 32, 8)
    with ExitStack() as held:
        for place in range(32):
            held.enter_context(slots.take(TenantId(place // 8)))
        for tenant in (0, 99):
            with pytest.raises(UnavailableError), slots.take(TenantId(tenant)):
                pass
    with slots.take(TenantId(0)):
        pass
