"""The Rust core, as Python sees it: batches in, batches out, no Python object per message unless asked for.

Every function is pure: no clock, no I/O, no randomness. Work that may last longer than about 50 µs runs with the interpreter
lock released. A panic inside the core arrives as a RuntimeError and fails that one call only.
"""

from collections.abc import Sequence
from typing import Literal, final

__all__ = [
    "CODEC_VERSION",
    "BulkAnswer",
    "Checkpoint",
    "Chunk",
    "CoreError",
    "EncodedBatch",
    "FormatError",
    "PayloadError",
    "PrefixChanged",
    "RecipientParser",
    "Reports",
    "Segments",
    "Template",
    "TemplateError",
    "__version__",
    "canonical_json",
    "encode_batch",
    "find_numbers",
    "fingerprint",
    "payload_rows",
    "read_bulk_answer",
    "read_reports",
    "segments",
]

__version__: str
CODEC_VERSION: int
"""Version of the packed payload and of the rendering rules; stored with every attempt, because a body can be rendered
again byte for byte only by the same version."""

class CoreError(ValueError):
    """Root of everything the core raises on purpose."""

class TemplateError(CoreError):
    """A template that cannot be compiled: an unclosed brace, an empty or illegal name, too many names."""

class FormatError(CoreError):
    """Recipients, reports or JSON that cannot be read at all: no header, no number column, not JSON, a row over its bound."""

class PrefixChanged(CoreError):
    """A resumed upload whose first bytes are not those that were committed."""

class PayloadError(CoreError):
    """A packed payload that is damaged, of an unknown version, or does not hold the range asked for."""

@final
class Segments:
    """How a text travels: GSM 03.38 or UCS-2, and in how many parts."""

    @property
    def encoding(self) -> Literal["GSM-7", "UCS-2"]: ...
    @property
    def units(self) -> int:
        """Septets (GSM-7, extension characters count two) or UTF-16 code units (UCS-2)."""
    @property
    def parts(self) -> int:
        """1 up to 160 septets or 70 units, else chunks of at most 153 or 67 that split no escape or surrogate pair."""

def segments(text: str) -> Segments:
    """Encoding, units and parts of one text (3GPP TS 23.038 and 23.040)."""

@final
class Template:
    """`Hi {name}` compiled once: `{name}` placeholders only, `{{` and `}}` for literal braces, nothing else.

    Names are 1–64 of letters, digits, `_`, `-`, `.` and inner spaces, matched to columns without regard to case; at most 32.
    """

    def __new__(cls, text: str) -> Template:
        """Raises TemplateError."""
    @property
    def names(self) -> tuple[str, ...]:
        """Distinct placeholder names, lower case, in order of first use: the order of the values everywhere."""
    def render(self, values: Sequence[str]) -> str:
        """The text for one recipient. Raises CoreError when the number of values is wrong."""

@final
class Checkpoint:
    """Where an upload stands after a chunk: enough to continue it from the same bytes sent again."""

    def __new__(cls, *, offset: int, line: int, rows: int, digest: bytes, header: str) -> Checkpoint: ...
    @property
    def offset(self) -> int:
        """Bytes of the (decompressed) body consumed."""
    @property
    def line(self) -> int:
        """Physical lines consumed (for JSON: items), so that problems keep their line numbers."""
    @property
    def rows(self) -> int:
        """Data rows consumed, accepted and skipped."""
    @property
    def digest(self) -> bytes:
        """SHA-256 of those bytes."""
    @property
    def header(self) -> str:
        """What the parser must know again (delimiter and columns), as an opaque short text."""

@final
class Chunk:
    """What one ingest transaction stores: at most `chunk_messages` messages whose bulk body fits `chunk_bytes`."""

    @property
    def first_seq(self) -> int: ...
    @property
    def messages(self) -> int:
        """Accepted rows; their sequence numbers are first_seq … first_seq + messages - 1. May be 0."""
    @property
    def segments(self) -> int:
        """Sum of their segments."""
    @property
    def longest(self) -> int:
        """Segments of the longest message; 0 without any."""
    @property
    def rows(self) -> int:
        """Data rows read in this chunk: accepted + skipped."""
    @property
    def payload(self) -> bytes:
        """The packed numbers, segment counts and template values (format of CODEC_VERSION)."""
    @property
    def skipped(self) -> dict[str, int]:
        """Skipped rows by reason: malformed, invalid_number, duplicate, opted_out, missing_value, too_long, country."""
    @property
    def end(self) -> Checkpoint: ...
    def problems(self, limit: int) -> list[tuple[int, str, str]]:
        """The first skipped rows as (line, reason, detail); the detail is the cell or column at fault, up to 64 characters."""
    def copy_messages(self, tenant_id: int, campaign_id: bytes) -> bytes:
        """PostgreSQL binary COPY of (campaign_id uuid, tenant_id int4, seq int4, msisdn int8, segments int2)."""
    def copy_skipped(self, tenant_id: int, campaign_id: bytes, upload_no: int) -> bytes:
        """PostgreSQL binary COPY of (campaign_id uuid, tenant_id int4, upload_no int4, line int8, reason text, detail text)."""

@final
class RecipientParser:
    """A recipients file, fed in pieces of any size, to chunks ready to store.

    Numbers become E.164 (by `region` where they are national), repeats within the campaign are found exactly, values and
    segments are checked against the template. Memory is bounded but for the set of numbers seen (≤ 10 bytes each).
    Calls from several threads wait for one another. After an exception the parser only repeats that exception.

    A number needs `+` or `00` unless `region` is given; it is accepted when its calling code is known and its length is
    possible there, whether or not its range is known to be in use. Cells and values are trimmed. Rows of nothing but white
    space are no rows. A row is at most 64 KiB; an unclosed quote costs its own line only. A JSON body is at most 10 MB and
    gives all its chunks at finish(). Settings out of range raise CoreError.
    """

    def __new__(
        cls,
        format: Literal["csv", "ndjson", "json"],
        template: Template,
        *,
        traffic_account_id: str,
        sender: str,
        region: str | None = None,
        phone_column: str | None = None,
        countries: Sequence[str] | None = None,
        max_parts: int = 10,
        chunk_messages: int = 5000,
        chunk_bytes: int = 1_000_000,
        first_seq: int = 0,
        resume: Checkpoint | None = None,
    ) -> RecipientParser: ...
    def remember(self, numbers: bytes) -> None:
        """Numbers the campaign already has, as packed big-endian int64: later rows with them are duplicates.

        Raises CoreError when the length is no multiple of eight.
        """
    def exclude(self, numbers: bytes) -> None:
        """Numbers that opted out, as packed big-endian int64: later rows with them are skipped as opted_out.

        Raises CoreError when the length is no multiple of eight.
        """
    def feed(self, data: bytes) -> list[Chunk]:
        """Take the next bytes; return the chunks they completed. Raises FormatError, PrefixChanged."""
    def finish(self) -> list[Chunk]:
        """End of input: the last chunk, also an empty one that moves the checkpoint; nothing if all bytes are in chunks.

        Raises FormatError, PrefixChanged.
        """

@final
class EncodedBatch:
    """One bulk request, rendered."""

    @property
    def body(self) -> bytes:
        """JSON of Mitto's sendmessagesbulk: `{"messages":[{"trafficAccountId","destination","sms":{"text","sender"}}, …]}`."""
    @property
    def digest(self) -> bytes:
        """SHA-256 of the body."""
    @property
    def last_seq(self) -> int:
        """Last sequence number covered, included or left out; what follows belongs to the rest of the batch."""
    @property
    def messages(self) -> int: ...
    @property
    def segments(self) -> int: ...
    @property
    def left_segments(self) -> int:
        """Segments of the messages behind last_seq that are not left out: what the rest of the batch will need."""
    @property
    def seqs(self) -> list[int]:
        """Sequence numbers included, in the order of the body."""

def encode_batch(
    payload: bytes,
    template: Template,
    *,
    traffic_account_id: str,
    sender: str,
    first_seq: int,
    last_seq: int,
    excluded: bytes | None = None,
    max_messages: int,
    max_segments: int,
    max_bytes: int,
) -> EncodedBatch:
    """Render the messages first_seq … last_seq of a payload until a bound is reached; at least one message if any is included.

    `excluded` is a bitmap over the whole payload (bit i, least significant first, leaves out the payload's i-th message),
    one bit a message and padded to whole bytes, else CoreError. Messages left out directly behind the last included one
    are covered too. The same arguments give the same bytes for ever within one CODEC_VERSION. Raises PayloadError.
    """

def find_numbers(payload: bytes, numbers: Sequence[int]) -> list[int]:
    """Sequence numbers of a payload whose number is among those given. Raises PayloadError."""

def payload_rows(payload: bytes, template: Template, seqs: Sequence[int], number_key: str) -> bytes:
    """The messages `seqs` of a payload as NDJSON, for an upload: the number with `+` under `number_key`, values by name.

    `number_key` must be no name of the template (`+` never is). Raises PayloadError.
    """

@final
class BulkAnswer:
    """The provider's answer to a bulk send: item by item, or why its positions cannot be trusted."""

    @property
    def reason(self) -> Literal["not_json", "no_messages", "length", "missing_id", "repeated_id"] | None:
        """None when every position is accounted for: an id, or an error without an id."""
    @property
    def bulk_id(self) -> str | None: ...
    @property
    def positions(self) -> list[int]:
        """Zero-based positions that carry an id."""
    @property
    def ids(self) -> list[str]:
        """The ids at those positions. With a `reason` they are hints, no more."""
    @property
    def refused(self) -> list[tuple[int, str]]:
        """Positions with an error and no id, and the error's short text (at most 200 characters)."""

def read_bulk_answer(body: bytes, expected: int) -> BulkAnswer:
    """Read `{"bulkId":…,"messages":[{"messageId":…} | {"error":…}, …]}`. Never raises on foreign bytes.

    An id is a text of 1 to 200 characters without NUL. An error that says nothing (null, false, 0, empty) is none.
    Positions from `expected` on are not recorded.
    """

@final
class Reports:
    """Delivery reports in order of arrival, as columns of equal length."""

    @property
    def ids(self) -> list[str]: ...
    @property
    def statuses(self) -> list[str]:
        """As sent, trimmed and cut to 64 characters; '' where there was none."""
    @property
    def times_us(self) -> list[int | None]:
        """Unix time in microseconds of the status, where the report carries a readable one from 2000 to 2099."""
    @property
    def errors(self) -> list[str | None]:
        """Error code or description, cut to 200 characters."""
    @property
    def lines(self) -> bytes:
        """The raw objects, one JSON object a line: read_reports(lines, "application/x-ndjson") gives the same columns."""
    @property
    def unreadable(self) -> int:
        """Items that are no object or carry no id; they are kept in `lines`, not in the columns."""

def read_reports(data: bytes, content_type: str) -> Reports:
    """Read a JSON object, a JSON array, NDJSON, a form or a query string of reports, with any of Mitto's key names.

    Id under messageId, msgid, id, Id, _id; status under deliveryStatus, status; time under updatedAt, sendtimestamp (Unix
    seconds), sendtime, timestamp, createdAt; error under errorcode, description, error: first as written, then in any case.
    An unknown content type is told from the first character. Raises FormatError.
    """

def canonical_json(data: bytes) -> bytes:
    """The canonical form of a JSON text: the same for two texts exactly when they say the same.

    Without white space, keys in the order of their UTF-16 code units, strings with the shortest escapes (RFC 8785), numbers
    in their exact text: 1, 1.0 and 1e0 differ. Never longer than `data`. Raises FormatError for what is no JSON, and for
    what two readers may understand differently: a key twice in one object, bad UTF-8, half a surrogate pair, a byte order
    mark; also for nesting over 64 levels. Its text says why and at which byte, and quotes nothing of `data`.
    """

def fingerprint(method: str, path: str, content_type: str, body: bytes) -> bytes:
    """32 bytes that are equal when the same thing is asked for: SHA-256 over method, path, content type and body.

    The method counts in any case; `path` is the route as the caller tells routes apart. The content type counts in any case
    and without its parameters. A body of `application/json` or `…+json` counts by its canonical form, any other byte for
    byte. Raises FormatError for a JSON body without a canonical form, an empty one included.
    """
