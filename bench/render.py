"""Sheets as Markdown with plots: every figure in text comes from a file of JSON and from nowhere else.

    python bench/render.py [--into FOLDER] [SHEET.json …]

Writes `figures.md` and one SVG a plot; without sheets it takes all in bench/results.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import page, plot
from bench.machine import RESULTS
from bench.sheet import Sheet, read, read_all


def render(sheets: list[Sheet], folder: Path) -> Path:
    """Write the document and its plots; the document."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for sheet in sheets:
        for number, drawn in enumerate(sheet.plots, 1):
            name = f"{sheet.bench.replace('/', '-')}-{number}.svg"
            (folder / name).write_text(plot.svg(drawn))
            pictures.append(f"![{drawn.title}]({name})")
    document = folder / "figures.md"
    document.write_text(page.markdown(sheets) + ("\n## Plots\n\n" + "\n\n".join(pictures) + "\n" if pictures else ""))
    return document


def main() -> None:
    """Print where the document is."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("sheets", type=Path, nargs="*")
    options.add_argument("--into", type=Path, default=RESULTS)
    given = options.parse_args()
    sheets = [read(file) for file in given.sheets] or list(read_all(tiny=False))
    print(render(sheets, given.into))


if __name__ == "__main__":
    main()
