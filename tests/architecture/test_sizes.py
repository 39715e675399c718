"""The size ratchet: nothing grows past the marks, and what is past them is named and must shrink out of the list."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 60

LONG_FILES = {
    "python/penstock/_core.pyi",  # the contract of the whole extension module, which has one stub
}
"""Files past the mark, with a reason each. Exact: a file that has shrunk leaves the list."""
LONG_FUNCTIONS = {
    "python/penstock/cli/simulate.py:simulate",  # its length is its options, one or two lines each
}
"""Functions past the mark, as `path:name`. Exact as well."""


def sources() -> Iterator[Path]:
    """The program's own sources."""
    for folder, pattern in [("python", "*.py"), ("python", "*.pyi"), ("bench", "*.py"), ("rust", "*.rs")]:
        yield from (ROOT / folder).rglob(pattern)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length of every function in a Python file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_stay_readable_in_one_sitting() -> None:
    """Exactly the named files have more than 400 lines."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    assert {name for name, lines in lengths.items() if lines > MOST_FILE_LINES and "/tests/" not in name} == LONG_FILES


def test_functions_stay_on_one_screen() -> None:
    """Exactly the named functions have more than 60 lines."""
    long = {
        f"{path.relative_to(ROOT)}:{name}"
        for path in sources()
        if path.suffix == ".py"
        for name, lines in functions(path)
        if lines > MOST_FUNCTION_LINES
    }
    assert long == LONG_FUNCTIONS
