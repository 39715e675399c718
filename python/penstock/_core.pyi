"""The Rust core, as Python sees it: batches in, batches out, no Python object per message unless asked for.

Every function is pure: no clock, no I/O, no randomness. Work that may last longer than about 50 µs runs with the interpreter
lock released. A panic inside the core arrives as a RuntimeError that names the place in the source and nothing of the data,
prints nothing, and fails that one call only; a RecipientParser in which a call panicked answers every later call with a
RuntimeError. Texts with lone surrogates, which are no Unicode texts, are refused by a UnicodeEncodeError, a ValueError.

Foreign input has bounds, all listed in `rust/core/src/bounds.rs`; what lies past one is refused or cut as said below.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias, final

__all__ = [
    "CODEC_VERSION",
    "NUMBER_METADATA_VERSION",
    "BulkAnswer",
    "Checkpoint",
    "Chunk",
    "CoreError",
    "EncodedBatch",
    "FormatError",
    "Joined",
    "Number",
    "PayloadError",
    "PrefixChanged",
    "RecipientParser",
    "Redactor",
    "Reports",
    "SegmentColumns",
    "Segments",
    "Template",
    "TemplateError",
    "Transliteration",
    "__version__",
    "canonical_json",
    "encode_batch",
    "find_numbers",
    "fingerprint",
    "join_payloads",
    "number_zones",
    "pack_messages",
    "parse_number",
    "payload_rows",
    "read_bulk_answer",
    "read_numbers",
    "read_reports",
    "segments",
    "segments_many",
    "transliterate",
]

__version__: str
CODEC_VERSION: int
"""Version of the packed payload and of the rendering rules; stored with every attempt, because a body can be rendered
again byte for byte only by the same version."""

class CoreError(ValueError):
    """Root of everything the core raises on purpose; itself for a setting or a number of values that cannot be worked with."""

class TemplateError(CoreError):
    """A template that cannot be compiled: an unclosed brace, an empty or illegal name, too many names, too long."""

class FormatError(CoreError):
    """Recipients, reports or JSON that cannot be read at all: no header, no number column, not JSON, over a bound."""

class PrefixChanged(CoreError):
    """A resumed upload whose first bytes are not those that were committed."""

class PayloadError(CoreError):
    """A packed payload that is damaged, of a later version, or does not hold the range asked for."""

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
    @property
    def forcing(self) -> list[str]:
        """The characters that force UCS-2: the first 20 distinct ones in order of appearance. Looked for when asked."""

def segments(text: str) -> Segments:
    """Encoding, units and parts of one text (3GPP TS 23.038 and 23.040)."""

@final
class SegmentColumns:
    """How many texts travel, as columns of equal length in the order of the texts."""

    @property
    def encodings(self) -> list[Literal["GSM-7", "UCS-2"]]: ...
    @property
    def units(self) -> list[int]: ...
    @property
    def parts(self) -> list[int]: ...

def segments_many(texts: Sequence[str]) -> SegmentColumns:
    """segments() of many texts in one call."""

@final
class Transliteration:
    """A text in GSM characters, or why it was left as it is."""

    @property
    def text(self) -> str:
        """The text to send."""
    @property
    def outcome(self) -> Literal["unneeded", "replaced", "impossible", "longer"]:
        """Only "replaced" changes the text.

        "unneeded": it was GSM-7 already. "impossible": `left` has no replacement. "longer": it would need more parts.
        """
    @property
    def changes(self) -> list[tuple[str, str, int]]:
        """What was replaced, by what, how often, in order of first appearance; '' for what was dropped."""
    @property
    def left(self) -> list[str]:
        """The first 20 distinct characters without a replacement; the text is unchanged if there are any."""
    @property
    def before(self) -> Segments: ...
    @property
    def after(self) -> Segments: ...
    @property
    def parts_saved(self) -> int:
        """Parts before less parts after: 0 or more."""

def transliterate(text: str) -> Transliteration:
    """Replace what the GSM alphabets lack: typographic quotes, dashes and spaces, accents, Greek capitals that look Latin.

    All or nothing: a text that would still be UCS-2 or need more parts is left whole. Characters of the alphabets, such as
    é, ñ or Ω, never change. Small Greek letters have no replacement (in capitals a text has another tone), nor have
    other scripts, emoji, fractions and currencies.
    """

NUMBER_METADATA_VERSION: str
"""The release of libphonenumber whose numbering metadata the core holds."""

_Kind: TypeAlias = Literal[
    "fixed_line", "mobile", "fixed_line_or_mobile", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number",
    "pager", "uan", "voicemail", "unknown",
]  # fmt: skip

@final
class Number:
    """A phone number in E.164 and what the numbering metadata knows of it. Everything is looked up when asked.

    Equal numbers are equal values. The representation shows the calling code only.
    """

    @property
    def e164(self) -> int:
        """The digits as one integer."""
    @property
    def text(self) -> str:
        """Plus and the digits."""
    @property
    def calling_code(self) -> int: ...
    @property
    def region(self) -> str | None:
        """ISO 3166 in two letters; None for codes of no country, or if no country sharing the code is known to have it."""
    @property
    def kind(self) -> _Kind:
        """What its range is for; "unknown" for a number that is possible but in no range that the metadata knows."""
    @property
    def is_valid(self) -> bool:
        """Is it in a known range? Numbers that are not are accepted all the same: ranges open before metadata is released."""
    @property
    def time_zones(self) -> tuple[str, ...]:
        """IANA names in order: where the number belongs, which is not always where its owner is.

        One for a country of one zone. In others by the number's beginning where that says a place, else all of the country's;
        () for codes of no country.
        """

def parse_number(text: str, region: str | None = None) -> Number | None:
    """The number that a text is, under the rules of RecipientParser, or None. Raises CoreError for an unknown region."""

def number_zones(numbers: Sequence[int]) -> dict[tuple[str, ...], list[int]]:
    """Positions of numbers (E.164 as integers) by their time_zones, ascending. What is no number has the zones ()."""

@final
class Template:
    """`Hi {name}` compiled once: `{name}` placeholders only, `{{` and `}}` for literal braces, nothing else.

    Names are 1–64 of letters, digits, `_`, `-`, `.` and inner spaces, matched to columns without regard to case. At most 32
    different names, each as often as you like, and 64 KiB of UTF-8 in all.
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
    def zone_groups(self) -> list[tuple[str, int, int, int]]:
        """By the time zones that count for them, joined by commas: first and last sequence number, and segments.

        Without gaps, in order; empty if the parser was not given any time zones.
        """
    @property
    def skipped(self) -> dict[str, int]:
        """Skipped rows by reason, in the order of the checks.

        malformed, invalid_number, country, duplicate, opted_out, invalid_zone, missing_value, too_long.
        """
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

    With `time_zones` (every IANA name that a row may have, to the one that stands for its clock; UTC among them) the messages
    of a chunk are grouped by the clocks that count for their recipients: that of the zone in `zone_column`, or in a column
    `timezone` or `time_zone`, or else those of the number's time_zones, UTC where it has none.

    Numbers become E.164 (by `region` where they are national), repeats within the campaign are found exactly, values and
    segments are checked against the template. Memory is bounded but for the set of numbers seen (≤ 10 bytes each).
    Calls from several threads wait for one another. After an exception the parser only repeats that exception.

    A number needs `+` or `00` unless `region` is given; it is accepted when its calling code is known and its length is
    possible there, whether or not its range is known to be in use. Cells and values are trimmed. Rows of nothing but white
    space are no rows. Settings out of range raise CoreError.

    CSV has a header of at most 200 columns; lines end in LF or CRLF; an unclosed quote costs its own line only. A JSON item is
    an object of at most 200 members, nested at most 128 deep, or a text that is the number. A name that is wanted and there
    twice is a FormatError in a header and makes an item malformed. A row or item of more than 64 KiB, its line end included,
    is malformed; a header over it is a FormatError. So no cell or value is longer. A text over 78,030 bytes, which no 255
    parts could hold, is too_long without being rendered. A chunk holds at most 50,000 rows. A JSON body is at most 10 MB and
    gives all its chunks at finish().
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
        time_zones: Mapping[str, str] | None = None,
        zone_column: str | None = None,
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
        """JSON of Mitto's sendmessagesbulk.

        `{"messages":[{"trafficAccountId","destination","sms":{"text","sender"}}, …]}`, perhaps with a "reference" before "sms".
        """
    @property
    def digest(self) -> bytes:
        """SHA-256 of the body."""
    @property
    def last_seq(self) -> int:
        """Last sequence number covered, included or left out; what follows belongs to the rest of the batch."""
    @property
    def messages(self) -> int:
        """Messages in the body: those of first_seq … last_seq that are not left out."""
    @property
    def segments(self) -> int: ...
    @property
    def left_segments(self) -> int:
        """Segments of the messages behind last_seq that are not left out: what the rest of the batch will need."""

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
    reference: str | None = None,
) -> EncodedBatch:
    """Render the messages first_seq … last_seq of a payload until a bound is reached; at least one message if any is included.

    `excluded` is a bitmap over the whole payload (bit i, least significant first, leaves out the payload's i-th message),
    one bit a message and padded to whole bytes, else CoreError. Messages left out directly behind the last included one
    are covered too. Where `reference` is given each message has a reference: this, and its sequence number behind it. The same
    arguments give the same bytes for ever within one CODEC_VERSION. Raises PayloadError.
    """

def find_numbers(payload: bytes, numbers: Sequence[int]) -> list[int]:
    """Sequence numbers of a payload whose number is among those given. Raises PayloadError."""

def payload_rows(
    payload: bytes, template: Template, seqs: Sequence[int], number_key: str, also: tuple[str, str] | None = None
) -> bytes:
    """The messages `seqs` of a payload as NDJSON, for an upload: the number with `+` under `number_key`, values by name.

    Every row also has the name and value `also`. Neither key may be a name of the template (what begins with `+` never is).
    Raises PayloadError.
    """

def read_numbers(texts: Sequence[str], region: str | None) -> list[int | None]:
    """Numbers as people write them, as E.164 digits; None for what is no possible number (the rules of RecipientParser).

    Raises CoreError for a region that is none.
    """

def pack_messages(numbers: Sequence[int], texts: Sequence[str], first_seq: int) -> bytes:
    """The payload of messages with a text each, for `Template("{text}")`: texts as they are, their segments counted.

    Raises CoreError when there are not as many texts as numbers or a text takes more than 255 parts.
    """

@final
class Joined:
    """Payloads that were stored one behind the other, as one."""

    @property
    def payload(self) -> bytes: ...
    @property
    def payloads(self) -> int:
        """How many of those given are in it, from the front; at least one."""
    @property
    def messages(self) -> int: ...
    @property
    def segments(self) -> int: ...

def join_payloads(
    payloads: Sequence[bytes],
    template: Template,
    *,
    traffic_account_id: str,
    sender: str,
    max_messages: int,
    max_segments: int,
    max_bytes: int,
) -> Joined:
    """Join as many payloads from the front as one body within the bounds can hold, no number in it twice; at least the first.

    Each must begin with the sequence number behind the one before; a gap, a damaged payload too, ends the run. Raises
    PayloadError when the first cannot be opened or belongs to another template.
    """

@final
class Redactor:
    """Takes private data out of what is to be shown, in one pass whose time grows with the length alone.

    Masked in every text, as `***` where nothing else is said:

    - phone numbers with `+` (or `%2B`), with an area code in brackets, with `0` or `00` and separators, as 3-3-4 digits, or
      as three to five groups with hyphens and 10 to 15 digits. Shown by their first two or three characters and last two
      digits: `+30…21`. Bare runs of digits stay, and so do groups parted by blanks alone: counters look like that.
    - e-mail addresses (`j***@example.org`), and user and password in URLs;
    - credentials behind `Bearer` and `Basic`, JSON web tokens, keys that begin with `pk_ sk_ rk_ whsec_ shpat_ shpss_ gh?_
      github_pat_ xox?- AKIA`, runs of 32 and more hexadecimal digits, runs of 40 and more characters of base64 that change
      between capitals, small letters and digits; UUIDs with hyphens and the ids of our messages stay;
    - card numbers: 13 to 19 digits that begin with 2 to 6 and pass Luhn's check;
    - the value of a private field: `token=…`, `'text': '…'`, `?to=…&`, `Authorization: …` to the end of the line, `text=…` to
      the next `name=`. Behind a colon and a bare name only quoted values and credentials are masked: prose has colons too.

    Fields are private as a whole if they are called authorization, body, cookie, destination, email, key, mobile, msisdn,
    payload, phone, phone_number, recipient, sender_number, text, to or url_query, or if their name ends in api_key,
    authorization, cookie, passwd, password, private_key, secret or token. Case, `-`, `_` and blanks in names do not matter.

    Masking twice changes nothing more. Nothing that can be private is ever part of an exception.
    """

    def __new__(cls, extra_fields: Sequence[str] = ()) -> Redactor:
        """With private field names beside the usual ones; names without a letter or digit are left out."""
    @property
    def fields(self) -> list[str]:
        """Names of private fields, the usual and the extra ones, as they are compared: lower case, no `-`, `_` or blank."""
    def text(self, text: str) -> str:
        """The text, masked; the same object if there was nothing. Lone surrogates become replacement characters."""
    def json(self, json: bytes) -> bytes:
        r"""A JSON document (RFC 8259), masked; the same object if there was nothing.

        Private fields become `"***"`, whatever their value was. Names and other strings are masked like texts, by what their
        escapes stand for. Numbers of other fields stay. White space and order stay.

        Other bytes are masked as a text, with replacement characters for what is no UTF-8, and stay something that is no
        JSON. Where their escapes (`\u`, `\/`) could hide something, `***` is all that is left.
        """
    def headers(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Header lines with private ones masked whole, others like texts. Raises TypeError for anything but pairs of texts."""

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

    An id is a text of 1 to 200 characters without NUL or lone surrogates. An error that says nothing (null, false, 0, empty)
    is none. Positions from `expected` on are not recorded. Of members with the same name the last counts; JSON nested more
    than 128 deep is none. Each property builds its list anew.
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
    An unknown content type is told from the first character, and so is JSON under the name of a form. Of members with the
    same name the last counts; an id is a text of 1 to 200 characters without NUL. Raises FormatError for what is none of
    these, JSON nested more than 128 deep among it; a bad line of NDJSON is only unreadable.
    """

def _panic_for_test(message: str, parser: RecipientParser | None = None) -> None:
    """Panic with that message, inside `parser` if there is one: raises RuntimeError, as any panic does.

    For the tests of just that. It is always there, because a switch of the build would test another library than the one
    that is installed; it can do nothing that `raise` could not.
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
