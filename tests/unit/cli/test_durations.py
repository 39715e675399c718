import pytest

from penstock.cli.durations import read_duration
from penstock.cli.failure import CommandError


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400)])
def test_durations(text: str, seconds: int) -> None:
    """A number with one of four units, seconds where there is none."""
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "2 h", "1h30m", "-1", "2w", "1.5h", "٣"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Anything else is one clear line."""
    with pytest.raises(CommandError):
        read_duration(text)
