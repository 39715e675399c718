import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from penstock import config
from penstock.cli.setting_text import write_setting

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "env.example"

EVERY_SETTING = [
    (config.environment_name(section.name, field.name), section.name, field)
    for section in msgspec.structs.fields(config.Settings)
    for field in msgspec.structs.fields(section.type)
]


def settings_in_file() -> dict[str, str]:
    """Name → text of every setting, all of which are commented out."""
    return dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def test_file_is_current() -> None:
    """The file is what its generator makes of the settings as they are."""
    made = subprocess.run([sys.executable, ROOT / "deploy" / "make_env_example.py"], capture_output=True, text=True, check=True)
    assert EXAMPLE.read_text() == made.stdout


def test_every_setting_is_there_once() -> None:
    """No setting is missing, none is invented."""
    assert list(settings_in_file()) == [name for name, _, _ in EVERY_SETTING]


def test_file_as_it_is_sets_nothing() -> None:
    """Copied unchanged, it changes nothing."""
    assert [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")] == []


@pytest.mark.parametrize(("name", "section", "field"), [row for row in EVERY_SETTING if write_setting(row[2].default)])
def test_default_reads_back(name: str, section: str, field: msgspec.structs.FieldInfo) -> None:
    """The text of a default, given as a setting, is that default."""
    loaded = config.load({"PENSTOCK_MODE": "mock", name: settings_in_file()[name]})
    assert getattr(getattr(loaded, section), field.name) == field.default
