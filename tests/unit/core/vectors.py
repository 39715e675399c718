"""The vectors that the Rust tests and these tests share."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "vectors"


def cases(name: str) -> list[dict[str, Any]]:
    """All cases of one vector file."""
    document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return list(document["cases"])
