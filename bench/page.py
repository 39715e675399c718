"""All sheets on one page: our number, the neighbour, the ratio, the goal, and whether it was met."""

from collections.abc import Iterable, Sequence

from bench.sheet import Goal, Line, Sheet

HEAD = ("what", "ours", "±", "neighbour", "theirs", "ratio", "goal", "")


def rows_of(line: Line) -> list[tuple[str, ...]]:
    """The line, and one more for each further goal."""
    goals: Sequence[Goal | None] = line.goals or [None]
    return [_row(line, goal, is_first=number == 0) for number, goal in enumerate(goals)]


def _row(line: Line, goal: Goal | None, *, is_first: bool) -> tuple[str, ...]:
    left = ("",) * 6
    if is_first:
        theirs = f"{number(line.value / line.ratio)} {line.unit}" if line.ratio else ""
        ratio = f"{line.ratio:.2f}" if line.ratio else ""
        left = (line.what, f"{number(line.value)} {line.unit}", f"{line.spread:.0%}", line.neighbour, theirs, ratio)
    return (*left, show(goal, line) if goal else "", verdict(line, goal) if goal else "")


def show(goal: Goal, line: Line) -> str:
    """As in "≥ 0.7 ×" or "≤ 25 ms"."""
    sign, bound = ("≥", goal.at_least) if goal.at_least is not None else ("≤", goal.at_most)
    return f"{sign} {number(bound or 0)} {line.unit if goal.of == 'value' else '×'}"


def verdict(line: Line, goal: Goal) -> str:
    """Met, or the reason."""
    reached = line.reached(goal)
    if goal.is_met(reached):
        return "met"
    if goal.is_past_gate(reached):
        return f"BROKEN: past the gate of {goal.gate:g}"
    return f"missed: {line.why}" if line.why else "missed"


def number(value: float) -> str:
    """Three digits that count, with commas between thousands."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def past_gates(sheets: Iterable[Sheet]) -> list[str]:
    """What is broken, one sentence each."""
    return [
        f"{sheet.bench}: {line.what} reached {line.reached(goal):.3g}, the gate is {goal.gate:g}"
        for sheet in sheets
        for line in sheet.lines
        for goal in line.goals
        if goal.is_past_gate(line.reached(goal))
    ]


def text(sheets: Sequence[Sheet]) -> str:
    """For a terminal."""
    parts = []
    for sheet in sheets:
        rows = [HEAD, *(row for line in sheet.lines for row in rows_of(line))]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        parts.append(
            "\n".join([f"── {sheet.bench}  ({'; '.join(sheet.notes)})" if sheet.notes else f"── {sheet.bench}", *table])
        )
    return "\n\n".join([_head(sheets), *parts])


def markdown(sheets: Sequence[Sheet]) -> str:
    """For a document."""
    parts = [f"# Figures\n\n{_head(sheets)}\n"]
    for sheet in sheets:
        rows = [HEAD, ("---",) * len(HEAD), *(row for line in sheet.lines for row in rows_of(line))]
        table = ["| " + " | ".join(row) + " |" for row in rows]
        notes = [f"- {note}" for note in sheet.notes]
        parts.append("\n".join([f"## {sheet.bench}\n", *table, "", *notes]))
    return "\n\n".join(parts) + "\n"


def _head(sheets: Sequence[Sheet]) -> str:
    """What all sheets share; those of another commit or day say so themselves."""
    if not sheets:
        return "Nothing was measured."
    found = {
        (s.date, s.machine, s.cores, s.memory_gb, s.python, s.commit, s.is_tiny)
        for s in (sheet.surroundings for sheet in sheets)
    }
    return "\n".join(
        f"{date}, commit {commit}: {machine}, {cores} cores, {memory:g} GB, {python}"
        + (". Tiny counts: the figures prove only that the benches run" if is_tiny else "")
        for date, machine, cores, memory, python, commit, is_tiny in sorted(found)
    )
