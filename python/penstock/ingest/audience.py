"""Receives an upload: bytes are parsed in a thread while the chunks before them are being stored.

The queue between the two holds one piece's chunks, so that a slow database holds the client back and memory stays flat: one
piece being parsed, one waiting, one being stored. What was stored stays stored; an upload that stops can be continued.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final
from uuid import UUID

import structlog
from msgspec import Struct

from penstock import _core
from penstock.clock import Clock
from penstock.config import Sms
from penstock.domain.errors import GatewayError, InvalidValueError, MalformedRequestError, StateConflictError, UnavailableError
from penstock.domain.ids import RANDOM_BYTES, CampaignId, TenantId, uuid7
from penstock.ingest.opening import Opened, open_upload
from penstock.ingest.slots import Slots
from penstock.ingest.storing import finish_upload, read_result, store_chunks
from penstock.ingest.time_zones import time_zones
from penstock.ingest.upload import UploadRequest, UploadResult, UploadStoppedError
from penstock.store import opt_outs, uploads
from penstock.store.pool import Store
from penstock.store.uploads import Upload
from penstock.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

PIECE_BYTES: Final = 512 * 1024
"""Enough rows for one crossing into the core to cost nothing, few enough to keep parsing and storing in step."""

MOST_PARTS: Final = 10
"""The most that a campaign may allow itself; the API's schema has the same bound."""

MOST_UPLOADS: Final = 32
MOST_UPLOADS_OF_A_TENANT: Final = 8
"""Each upload holds a parser, some chunks and every number it has seen."""

WRITERS: Final = 2
"""Chunks of all uploads of this process that are stored at the same time. Intake yields to sending, and more would only wait
for one another at the disk."""


TOGETHER: Final = 4
"""Chunks of one piece that are stored in one transaction, because a commit waits for the disk. Beside bare COPY of the same
rows an upload reached 0.44 with one, 0.58 with four and 0.59 with sixteen."""


class _End(Struct, frozen=True):
    """The body is over: well, or because of an error."""

    error: Exception | None = None


_Parsed = list[_core.Chunk] | _End


class Intake:
    """Receives uploads; one for the process."""

    def __init__(  # noqa: PLR0913 - what the process hands to it, and one number that tests make small
        self,
        store: Store,
        sms: Sms,
        metrics: Metrics,
        *,
        clock: Clock,
        random: Callable[[int], bytes],
        piece_bytes: int = PIECE_BYTES,
        most_parts: int = MOST_PARTS,
    ) -> None:
        """`most_parts`: a message of more segments than the account may send in a second would wait for ever."""
        self._store = store
        self._sms = sms
        self._metrics = metrics
        self._clock = clock
        self._random = random
        self._piece_bytes = piece_bytes
        self._slots = Slots("uploads", MOST_UPLOADS, MOST_UPLOADS_OF_A_TENANT)
        self._most_parts = most_parts
        self._writers = asyncio.Semaphore(WRITERS)

    async def receive(
        self, tenant_id: TenantId, campaign_id: CampaignId, request: UploadRequest, source: AsyncIterator[bytes]
    ) -> UploadResult:
        """Store every recipient in `source`, the decompressed body. Raises UploadStoppedError once something is stored.

        The body must have begun to arrive before the upload is opened: a connection that was cut at once would otherwise take
        the upload away from the one that its client made after it.
        """
        with self._slots.take(tenant_id):
            pieces = _pieces(_joined(await anext(source, b""), source), self._piece_bytes)
            async with self._store.tenant(tenant_id) as connection, connection.transaction():
                opened = await open_upload(connection, tenant_id, campaign_id, request, self._token())
            try:
                await self._take_in(opened, pieces)
            except Exception as error:
                stopped = await self._stopped(opened, error)
                if stopped is error:
                    raise
                raise stopped from error
            async with self._store.tenant(tenant_id) as connection:
                if opened.is_repeat:
                    return await read_result(connection, opened.upload)
                return await finish_upload(connection, opened.upload)

    async def _take_in(self, opened: Opened, pieces: AsyncIterator[bytes]) -> None:
        parser = await self._parser(opened)
        if opened.is_repeat:
            await _compare(parser, pieces)
        else:
            await self._store_all(opened.upload, parser, pieces)

    def _token(self) -> UUID:
        return uuid7(int(self._clock.now().timestamp() * 1000), self._random(RANDOM_BYTES))

    async def _parser(self, opened: Opened) -> _core.RecipientParser:
        """A parser that knows the numbers the campaign has and those that opted out."""
        campaign, upload = opened.campaign, opened.upload
        parser = _core.RecipientParser(
            upload.format,  # type: ignore[arg-type] # written by this stage only
            _core.Template(campaign.text),
            traffic_account_id=campaign.account_id,
            sender=campaign.sender,
            region=campaign.default_region,
            phone_column=upload.phone_column,
            time_zones=None if campaign.quiet_hours is None else await asyncio.to_thread(time_zones, self._clock.now()),
            zone_column=upload.zone_column,
            countries=campaign.countries,
            max_parts=min(campaign.max_parts, self._most_parts),
            chunk_messages=self._sms.batch_size,
            chunk_bytes=self._sms.batch_max_bytes,
            first_seq=campaign.next_seq,
            resume=upload.checkpoint,
        )
        if opened.is_repeat:
            return parser
        async with self._store.tenant(campaign.tenant_id) as connection:
            await asyncio.to_thread(parser.exclude, await opt_outs.pack_opt_outs(connection, campaign.tenant_id))
            if campaign.next_seq:
                known = await uploads.pack_numbers(connection, campaign.tenant_id, campaign.campaign_id)
                await asyncio.to_thread(parser.remember, known)
        return parser

    async def _store_all(self, upload: Upload, parser: _core.RecipientParser, pieces: AsyncIterator[bytes]) -> None:
        """Parse and store side by side, in order. What was parsed before an error is still stored."""
        queue: asyncio.Queue[_Parsed] = asyncio.Queue(maxsize=1)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_parse(parser, pieces, queue), name="upload-parse")
                ended = await self._store_parsed(upload, queue)
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        if ended.error is not None:
            raise ended.error

    async def _store_parsed(self, upload: Upload, queue: asyncio.Queue[_Parsed]) -> _End:
        while isinstance(parsed := await queue.get(), list):
            for first in range(0, len(parsed), TOGETHER):
                await self._store_chunks(upload, parsed[first : first + TOGETHER])
        return parsed

    async def _store_chunks(self, upload: Upload, chunks: Sequence[_core.Chunk]) -> None:
        async with self._writers, self._store.engine() as connection:
            with self._metrics.db_duration.labels("ingest").time():
                await store_chunks(connection, upload, chunks)
        for chunk in chunks:
            self._metrics.recipients.labels("accepted").inc(chunk.messages)
            for reason, n in chunk.skipped.items():
                self._metrics.recipients.labels(reason).inc(n)

    async def _stopped(self, opened: Opened, error: Exception) -> Exception:
        """The error to raise: with the place to continue if anything is stored, else alone and with nothing left behind."""
        upload = opened.upload
        if opened.is_repeat:
            return error
        try:
            async with self._store.tenant(upload.tenant_id) as connection:
                await uploads.drop_empty_upload(connection, upload)
                stored = await uploads.find_upload(connection, upload.tenant_id, upload.campaign_id, upload.upload_id)
        except UnavailableError:
            log.warning("upload_left_open", upload_no=upload.upload_no)
            return error
        # A conflict means that this connection has no say any more: there is nothing for it to continue.
        if stored is None or stored.digest is None or isinstance(error, StateConflictError):
            return error
        return UploadStoppedError(error, stored) if isinstance(error, GatewayError) else error


async def _parse(parser: _core.RecipientParser, pieces: AsyncIterator[bytes], queue: asyncio.Queue[_Parsed]) -> None:
    """Feed the body to the parser piece by piece; whatever stops it is handed on behind the chunks before it."""
    try:
        async for piece in pieces:
            if chunks := await _feed(parser, piece):
                await queue.put(chunks)
        await queue.put(await _feed(parser, None))
        end = _End()
    except Exception as error:  # noqa: BLE001 - raised again by the storing side, after what came before it
        end = _End(error)
    await queue.put(end)


async def _compare(parser: _core.RecipientParser, pieces: AsyncIterator[bytes]) -> None:
    """Raise InvalidValueError unless the body is the one that was stored: a parser behind its end finds nothing more."""
    found: list[_core.Chunk] = []
    async for piece in pieces:
        found += await _feed(parser, piece)
    found += await _feed(parser, None)
    if found:
        raise InvalidValueError("This upload was complete, and the body goes on where the first one ended.")


async def _feed(parser: _core.RecipientParser, piece: bytes | None) -> list[_core.Chunk]:
    """One piece, or the end, in a thread; the interpreter lock is free meanwhile."""
    try:
        if piece is None:
            return await asyncio.to_thread(parser.finish)
        return await asyncio.to_thread(parser.feed, piece)
    except _core.PrefixChanged as error:
        raise InvalidValueError(str(error)) from error
    except _core.FormatError as error:
        raise MalformedRequestError(str(error)) from error


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for data in rest:
        yield data


async def _pieces(source: AsyncIterator[bytes], enough: int) -> AsyncIterator[bytes]:
    """The same bytes in pieces worth a crossing."""
    held: list[bytes] = []
    size = 0
    async for data in source:
        held.append(data)
        size += len(data)
        if size >= enough:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
