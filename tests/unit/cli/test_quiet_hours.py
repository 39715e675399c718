import pytest

from penstock.cli.failure import CommandError
from penstock.cli.quiet_hours import read_quiet_hours, write_quiet_hours
from penstock.domain.quiet_hours import QuietHours


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("21:00-08:00", {"from": "21:00", "to": "08:00", "days": []}),
        ("20:00-10:00,sat,sun", {"from": "20:00", "to": "10:00", "days": ["sat", "sun"]}),
    ],
)
def test_hours_are_read_as_people_type_them(text: str, value: object) -> None:
    """Begin and end, and the days that are quiet as a whole."""
    assert read_quiet_hours(text) == value


@pytest.mark.parametrize("text", ["", "21-8", "21:00", "21:00-08:00,", "21:00-08:00,sunday", "21:00 - 08:00"])
def test_anything_else_is_refused(text: str) -> None:
    """With the form that is meant."""
    with pytest.raises(CommandError, match="21:00-08:00"):
        read_quiet_hours(text)


@pytest.mark.parametrize("text", ["21:00-08:00", "20:00-10:00,sat,sun"])
def test_what_is_written_can_be_read(text: str) -> None:
    """Hours are shown as they are typed."""
    value = read_quiet_hours(text)
    assert write_quiet_hours(QuietHours(start=value["from"], end=value["to"], days=tuple(value["days"]))) == text
