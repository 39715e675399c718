from datetime import timedelta

import pytest

from penstock.cli.setting_text import write_setting
from penstock.redact import MASK, Secret


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ((), None),
        (True, "1"),
        (False, "0"),
        (5000, "5000"),
        (("10.0.0.0/8", "::1"), "10.0.0.0/8,::1"),
        (Secret("hidden"), MASK),
        (timedelta(hours=72), "72h"),
        (timedelta(minutes=90), "90m"),
        (timedelta(seconds=60), "60s"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(), "0ms"),
    ],
)
def test_value_is_written_as_it_is_given(value: object, text: str | None) -> None:
    """What `check --config` prints can be given back as it is."""
    assert write_setting(value) == text
