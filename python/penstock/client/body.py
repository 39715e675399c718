"""The body of an upload, read piece by piece, with its progress told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

PIECE_BYTES: Final = 256 * 1024

Source = Path | AsyncIterator[bytes]
OnProgress = Callable[[int], None]


async def pieces(source: Source, on_progress: OnProgress | None) -> AsyncIterator[bytes]:
    """Every byte of a file or an iterator; `on_progress` hears how many have been handed to the connection."""
    sent = 0
    async for piece in _read_file(source) if isinstance(source, Path) else source:
        yield piece
        sent += len(piece)
        if on_progress is not None:
            on_progress(sent)


async def _read_file(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
