"""A setting's value as one writes it in the environment: the way back from `config.load`. Secrets stay masked."""

from datetime import timedelta
from typing import Final

_UNITS: Final = (("h", 3_600_000), ("m", 60_000), ("s", 1_000))


def write_setting(value: object) -> str | None:
    """The text that gives this value, or None where nothing is given."""
    match value:
        case None | ():
            return None
        case bool():
            return "1" if value else "0"
        case timedelta():
            return _write_duration(value)
        case tuple():
            return ",".join(str(part) for part in value)
        case _:
            return str(value)


def _write_duration(value: timedelta) -> str:
    """In the largest unit up to hours of which there are at least two, without fractions: 72h, 90m, 60s, 200ms."""
    milliseconds = round(value / timedelta(milliseconds=1))
    for unit, size in _UNITS:
        if milliseconds >= 2 * size and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
