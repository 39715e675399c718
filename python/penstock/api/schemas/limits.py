"""The limits that a tenant lives under, as they are shown."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class LimitView(Struct, frozen=True, kw_only=True):
    """A limit of calls, and how it stands for this key and this address."""

    name: Annotated[str, Meta(description="As in the headers `RateLimit-Policy` and `RateLimit`.")]
    counts: Annotated[str, Meta(description="What is counted.")]
    limit: int
    window_s: Annotated[int, Meta(description="At most `limit` in any window of so many seconds.")]
    remaining: int
    resets_in_s: Annotated[float, Meta(description="Seconds until all is free again, if nothing more is taken.")]


class ProviderLimitView(Struct, frozen=True, kw_only=True):
    """A limit of what the gateway sends to the provider: campaigns wait for it, calls do not."""

    name: Literal["account", "tenant", "segments"]
    counts: Annotated[str, Meta(description="What is counted.")]
    limit: int
    window_s: float
    remaining: int
    resets_in_s: float


class LimitsView(Struct, frozen=True, kw_only=True):
    """Every limit of a caller."""

    counted: Annotated[
        Literal["together", "alone"],
        Meta(description="`alone` while the gateway's processes cannot count together, so that each counts for itself."),
    ]
    calls: list[LimitView]
    provider: Annotated[
        list[ProviderLimitView] | None, Meta(description="null while it cannot be told. What has no limit is left out.")
    ]
