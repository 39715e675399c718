"""When a campaign would start and be done, at the earliest. Pure: what is known is handed in.

Not a promise: other campaigns share the same limits, and the provider may be slower than it allows.
"""

from datetime import datetime, timedelta

from msgspec import Struct


class Speeds(Struct, frozen=True, kw_only=True):
    """What may leave in a second; None: no limit."""

    requests: float | None = None
    segments: float | None = None


class Work(Struct, frozen=True):
    """What is left to send."""

    requests: int
    segments: int


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
