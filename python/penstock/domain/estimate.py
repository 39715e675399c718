"""When a campaign would start and be done, at the earliest. Pure: what is known is handed in.

Not a promise: other campaigns share the same limits, and the provider may be slower than it allows.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from msgspec import Struct

from penstock.domain.quiet_hours import QuietHours, allowed_until, next_allowed


class Speeds(Struct, frozen=True, kw_only=True):
    """What may leave in a second; None: no limit."""

    requests: float | None = None
    segments: float | None = None


class Work(Struct, frozen=True):
    """What is left to send."""

    requests: int
    segments: int


class Portion(Struct, frozen=True):
    """What is left for recipients for whom the same clocks count."""

    zones: Sequence[tzinfo]
    work: Work


class Course(Struct, frozen=True, kw_only=True):
    """What decides when it is sent."""

    starts_at: datetime
    """When the first message of the rest may leave."""
    paced_from: datetime | None = None
    """Where the line of a paced campaign begins."""
    pace_s: int | None = None


def least_duration(work: Work, speeds: Speeds) -> timedelta:
    """As the slower of the two limits has it."""
    by_requests = work.requests / speeds.requests if speeds.requests else 0.0
    by_segments = work.segments / speeds.segments if speeds.segments else 0.0
    return timedelta(seconds=max(by_requests, by_segments))


def finish(work: Work, speeds: Speeds, course: Course) -> datetime:
    """When the last message may have left: not before its place on the line."""
    at_once = course.starts_at + least_duration(work, speeds)
    if course.pace_s is None:
        return at_once
    return max(at_once, (course.paced_from or course.starts_at) + timedelta(seconds=course.pace_s))


def first_allowed(portions: Sequence[Portion], hours: QuietHours, at: datetime) -> datetime:
    """When the first message may leave that is not for somewhere quiet. There is one portion at least."""
    return min(next_allowed(at, portion.zones, hours) for portion in portions)


def finish_between(portions: Sequence[Portion], hours: QuietHours, speeds: Speeds, course: Course) -> datetime:
    """The same as `finish` where nothing leaves in quiet hours: one portion after the other, as the clocks allow them."""
    at = course.starts_at
    waiting = [(next_allowed(at, portion.zones, hours), portion) for portion in portions]
    for allowed_at, portion in sorted(waiting, key=lambda pair: pair[0]):
        at = _spend(least_duration(portion.work, speeds), max(at, allowed_at), portion.zones, hours)
    if course.pace_s is None:
        return at
    line_end = (course.paced_from or course.starts_at) + timedelta(seconds=course.pace_s)
    return max(at, *(next_allowed(line_end, portion.zones, hours) for portion in portions))


def _spend(duration: timedelta, at: datetime, zones: Sequence[tzinfo], hours: QuietHours) -> datetime:
    """When so much allowed time is over, from `at` on."""
    at = next_allowed(at, zones, hours)
    while (until := allowed_until(at, zones, hours)) < at + duration:
        duration -= until - at
        at = next_allowed(until, zones, hours)
    return at + duration
