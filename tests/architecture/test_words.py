"""What must not stand in the repository: paths of one machine, hosts of package registries, words about how it was made."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPED = re.compile(r"/(\.git|\.venv[^/]*|target|dist|build|node_modules|__pycache__|\.[a-z_]+cache|\.hypothesis|results)/")
TEXTS = {
    ".py", ".pyi", ".sql", ".rs", ".toml", ".md", ".yaml", ".yml", ".lua", ".json", ".sh", ".html", ".css", ".js", ".txt",
    ".service", ".example", "",
}  # fmt: skip
LOCKS = {"Cargo.lock", "requirements.lock"}
# Put together here, so that this file does not contain what it looks for.
FORBIDDEN = {
    "a path of one machine": "/wo" "rk/|/ro" r"ot/\.py",
    "a package registry": "py" r"pi\.org|python" r"hosted\.org|registry\.np" r"mjs|proxy\.go" "lang",
    "a word about how it was made": r"(?i)\b(cl" r"aude|chat" r"gpt|co" r"pilot|language mo" r"del|sub" r"agents?|ll" r"m)\b",
    "a number of an internal catalogue": r"\bF(0[1-9]|[1-7]\d|8[0-3])\b(?!\s*[-+*/=\]])",
    "a note to oneself": r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b",
}


def texts() -> Iterator[Path]:
    """Every text of the repository."""
    for path in ROOT.rglob("*"):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and path.suffix in TEXTS and path.name not in LOCKS and not SKIPPED.search(f"/{name}"):
            yield path


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_foreign_is_left(what: str) -> None:
    """No text of the repository contains it."""
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in texts():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line.strip()[:120]}" for n, line in enumerate(lines, 1) if pattern.search(line)
        ]
    assert found == []
