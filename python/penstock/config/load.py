"""Names and texts become the tree of settings, or a list of all that is wrong. Pure, but for the files that hold secrets."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from penstock import failpoint
from penstock.config.sender import SENDER, SENDER_RULE
from penstock.config.settings import (
    KNOWN_NAMES,
    LEAST_KEPT,
    LONGEST_CALL,
    MOCK_MITTO,
    OUR_PREFIXES,
    REAL_NEEDS,
    SENDERS_BESIDES,
    SHORTEST_ADMIN_KEY,
    SHORTEST_RETENTION,
    Dispatch,
    Http,
    Mitto,
    Mode,
    Place,
    Retention,
    Section,
    Settings,
    environment_name,
)
from penstock.redact import Secret

# Read by the command line and the client, or put there by Kubernetes for a service that is called penstock.
_NOT_SETTINGS: Final = re.compile(r"PENSTOCK_(URL|API_KEY|SERVICE_.*|PORT(_.*)?)")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_UNITS: Final = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class ConfigError(Exception):
    """The settings do not hold together; one line for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`. Raises ConfigError with every problem at once."""
    problems: list[str] = []
    given = dict(_given(environment, problems))
    mode = _mode(environment, given)
    if mode == "mock":
        for field, text in MOCK_MITTO.items():
            given.setdefault(("mitto", field), (f"MITTO_{field.upper()}", text))
    sections: dict[str, Section] = {}
    for section in msgspec.structs.fields(Settings):
        sections[section.name] = _section(section.type, section.name, given, problems)
    if mode == "real":
        told = {problem.partition(":")[0].removesuffix("_FILE") for problem in problems}
        missing = [name for name in REAL_NEEDS if KNOWN_NAMES[name] not in given and name not in told]
        problems += [f"{name}: required in real mode" for name in missing]
    for name in sorted(KNOWN_NAMES):
        if name in environment and f"{name}_FILE" in environment:
            problems.append(f"{name}: given twice, also as {name}_FILE")
    _check_failpoint(environment, mode, problems)
    _check_http(sections["http"], problems)
    _check_mitto(sections["mitto"], problems)
    _check_connections(sections["mitto"], sections["dispatch"], problems)
    _check_retention(sections["retention"], problems)
    if problems:
        raise ConfigError(sorted(problems))
    general = msgspec.structs.replace(sections["general"], mode=mode)
    return Settings(**{**sections, "general": general})  # type: ignore[arg-type]


def _check_failpoint(environment: Mapping[str, str], mode: Mode, problems: list[str]) -> None:
    text = environment.get(failpoint.NAME)
    if text is not None and mode != "mock":
        problems.append(f"{failpoint.NAME}: for tests, in mock mode only")
    elif text is not None:
        try:
            failpoint.read(text)
        except ValueError as error:
            problems.append(f"{failpoint.NAME}: {error}")


def _check_http(http: Section, problems: list[str]) -> None:
    if not isinstance(http, Http):
        raise TypeError(type(http))
    if http.idempotency_kept < LEAST_KEPT:
        problems.append(f"{environment_name('http', 'idempotency_kept')}: must be at least {LEAST_KEPT.days}d")
    if http.admin_key is not None and len(http.admin_key.reveal()) < SHORTEST_ADMIN_KEY:
        problems.append(f"{environment_name('http', 'admin_key')}: must have at least {SHORTEST_ADMIN_KEY} characters")
    if not all(map(_is_network, http.trusted_proxies)):
        name = environment_name("http", "trusted_proxies")
        problems.append(f"{name}: expected networks such as 10.0.0.0/8 or 2001:db8::/32, parted by commas")


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _check_mitto(mitto: Section, problems: list[str]) -> None:
    if not isinstance(mitto, Mitto):
        raise TypeError(type(mitto))
    if mitto.timeout >= LONGEST_CALL:
        problems.append(f"{environment_name('mitto', 'timeout')}: must be under {LONGEST_CALL.total_seconds():.0f}s, the lease")
    if mitto.sender_name is not None and not SENDER.fullmatch(mitto.sender_name):
        problems.append(f"MITTO_SENDER_NAME: expected {SENDER_RULE}")
    if mitto.api_base is not None and not _is_web_address(mitto.api_base):
        problems.append("MITTO_API_BASE: expected an address such as https://messaging.mittoapi.com")


def _check_connections(mitto: Section, dispatch: Section, problems: list[str]) -> None:
    """A sender that waits for a connection would take the account for one that cannot be reached."""
    if not isinstance(mitto, Mitto) or not isinstance(dispatch, Dispatch):
        raise TypeError(type(mitto), type(dispatch))
    least = dispatch.in_flight + SENDERS_BESIDES
    if mitto.connections < least:
        name, senders = environment_name("mitto", "connections"), environment_name("dispatch", "in_flight")
        problems.append(f"{name}: must be at least {least}, with {senders}={dispatch.in_flight}")


def _check_retention(retention: Section, problems: list[str]) -> None:
    if not isinstance(retention, Retention):
        raise TypeError(type(retention))
    if 0 < retention.days < SHORTEST_RETENTION:
        problems.append(
            f"{environment_name('retention', 'days')}: must be at least {SHORTEST_RETENTION}, or 0 to keep messages"
        )


def _is_web_address(text: str) -> bool:
    """A scheme we speak, a host, a port that can be, and nothing behind the path."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = _VISIBLE.fullmatch(text) is not None and not parts.query and not parts.fragment and parts.username is None
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def _given(environment: Mapping[str, str], problems: list[str]) -> Iterator[tuple[Place, tuple[str, str]]]:
    """Every setting that is named, with the name it was given under and its text; files are read here."""
    names = {environment_name(s.name, f.name): (s.name, f.name) for s in _sections() for f in msgspec.structs.fields(s.type)}
    for name, text in environment.items():
        if name in names:
            yield names[name], (name, text)
        elif name.endswith("_FILE") and _is_secret(names.get(name.removesuffix("_FILE"))):
            try:
                yield names[name.removesuffix("_FILE")], (name, Path(text).read_text().strip())
            except OSError as error:
                problems.append(f"{name}: cannot be read ({error.strerror})")
            except UnicodeDecodeError:
                problems.append(f"{name}: cannot be read (not a UTF-8 text)")
        elif name.startswith(OUR_PREFIXES) and name != failpoint.NAME and not _NOT_SETTINGS.fullmatch(name):
            problems.append(f"{name}: not a setting of this version")


def _sections() -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(Settings)


def _is_secret(path: Place | None) -> bool:
    if path is None:
        return False
    section = next(s.type for s in _sections() if s.name == path[0])
    field = next(f for f in msgspec.structs.fields(section) if f.name == path[1])
    return Secret in get_args(field.type)


def _mode(environment: Mapping[str, str], given: Mapping[Place, tuple[str, str]]) -> Mode:
    """As given; else mock only if nothing points at real servers or a real provider."""
    if ("general", "mode") in given:
        return "real" if given["general", "mode"][1] == "real" else "mock"
    real = any(name.removesuffix("_FILE") in ("DATABASE_URL", "REDIS_URL") or name.startswith("MITTO_") for name in environment)
    return "real" if real else "mock"


def _section(kind: Any, name: str, given: Mapping[Place, tuple[str, str]], problems: list[str]) -> Section:  # noqa: ANN401
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        source, text = given.get((name, field.name), ("", None))
        if text is None:
            continue
        value = _value(field, source, text, problems)
        if value is not UNSET:
            values[field.name] = value
    built: Section = kind(**values)
    return built


def _value(field: msgspec.structs.FieldInfo, source: str, text: str, problems: list[str]) -> object:
    text = text.strip()
    kinds = get_args(field.type) or (field.type,)
    if field.type == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    # An empty secret would be worse than none; and the converter takes the word null for None.
    if text.lower() in ("", "null"):
        problems.append(f"{source}: has no value")
        return UNSET
    if Secret in kinds:
        return _secret(source, text, problems)
    if field.type is timedelta:
        return _duration(source, text, problems)
    try:
        return msgspec.convert(text, field.type, strict=False, dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        problems.append(f"{source}: {_choices(kinds) or _range(kinds) or error}")
        return UNSET


def _secret(source: str, text: str, problems: list[str]) -> object:
    """Secrets travel in headers and URLs: anything but visible ASCII is a slip, such as a second line."""
    if not _VISIBLE.fullmatch(text):
        problems.append(f"{source}: has a space, a line break or a character outside ASCII")
        return UNSET
    return Secret(text)


def _choices(kinds: tuple[Any, ...]) -> str:
    """What may be said instead, where words are expected."""
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    words += [kind for kind in kinds if isinstance(kind, str)]
    if words and any(get_origin(kind) is Annotated for kind in kinds):
        words.insert(0, "a number of at least 1")
    return f"expected {' or '.join(words)}" if words else ""


def _range(kinds: tuple[Any, ...]) -> str:
    """What may be said instead, where a number or a switch is expected."""
    if bool in kinds:
        return "expected 0 or 1"
    parts = [part for kind in kinds for part in (get_args(kind) or (kind,))]
    bounds = next((part for part in parts if isinstance(part, msgspec.Meta)), msgspec.Meta())
    if int not in parts:
        return ""
    span = f"of at least {bounds.ge}" if bounds.le is None else f"from {bounds.ge} to {bounds.le}"
    return f"expected a whole number {span}"


def _duration(source: str, text: str, problems: list[str]) -> object:
    match = _DURATION.fullmatch(text.strip())
    try:
        if match is not None and float(match[1]) > 0:
            return timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:  # longer than anything can last
        pass
    problems.append(f"{source}: expected a duration such as 250ms, 30s, 5m, 72h or 3d")
    return UNSET
