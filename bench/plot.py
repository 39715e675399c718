"""A plot of the simplest kind as SVG: curves over one quantity, both axes from zero or, past two decades, logarithmic."""

import math
from collections.abc import Callable
from html import escape

from bench.page import number
from bench.sheet import Plot

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 84, 16, 40, 48
COLOURS = ("#1f6f8b", "#c8553d", "#588157", "#7b5ea7", "#b08900", "#444444")
DECADES = 2
"""From so many on an axis is logarithmic."""

Axis = tuple[Callable[[float], float], list[float]]
"""Value → 0 to 1 along the axis, and the values that are marked."""


def svg(plot: Plot) -> str:
    """The whole picture."""
    points = [point for curve in plot.curves.values() for point in curve]
    across, marks_x = _axis([x for x, _ in points])
    up, marks_y = _axis([y for _, y in points])

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + across(x) * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up(y) * (HEIGHT - TOP - BOTTOM)

    parts = [_text(WIDTH / 2, 20, plot.title, "middle", size=14), _text(WIDTH / 2, HEIGHT - 10, plot.x, "middle")]
    parts.append(_text(8, TOP - 12, plot.y, "start"))
    for mark in marks_x:
        x, floor = at(mark, marks_y[0])
        parts += [_line(x, TOP, x, floor), _text(x, floor + 16, number(mark), "middle")]
    for mark in marks_y:
        edge, y = at(marks_x[0], mark)
        parts += [_line(LEFT, y, WIDTH - RIGHT, y), _text(edge - 6 if edge <= LEFT else LEFT - 6, y + 4, number(mark), "end")]
    for colour, (name, curve) in zip(COLOURS, plot.curves.items(), strict=False):
        places = [at(x, y) for x, y in curve]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(_text(places[-1][0] - 4, places[-1][1] - 8, name, "end", fill=colour))
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n{body}\n</svg>\n'


def _axis(values: list[float]) -> Axis:
    least, most = min(values), max(values)
    if least > 0 and math.log10(most / least) >= DECADES:
        first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
        return (lambda value: (math.log10(value) - first) / (last - first)), [10.0**power for power in range(first, last + 1)]
    step = 10 ** math.floor(math.log10(most or 1))
    step = step / 2 if (most or 1) / step < DECADES else step
    marks = [step * n for n in range(math.ceil((most or 1) / step) + 1)]
    return (lambda value: value / marks[-1]), marks


def _text(x: float, y: float, text: str, anchor: str, *, size: int = 11, fill: str = "#222222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'
