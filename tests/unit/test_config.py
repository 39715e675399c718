from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from penstock.config import KNOWN_NAMES, MOCK_MITTO, ConfigError, Settings, environment_name, load
from penstock.config.settings import LONGEST_CALL, SENDERS_BESIDES
from penstock.dispatch.claim import LEASE
from penstock.domain.room import SPARE
from penstock.redact import Secret

REAL = {
    "DATABASE_URL": "postgresql://penstock:canary-dbpass@db/penstock",
    "REDIS_URL": "redis://:canary-redispass@cache",
    "MITTO_API_KEY": "canary-mitto-key",
    "MITTO_TRAFFIC_ACCOUNT_ID": "account",
    "MITTO_SENDER_NAME": "Penstock",
    "MITTO_WEBHOOK_SECRET": "canary-webhook",
    "MITTO_MAX_SEGMENTS_PER_S": "100",
}
ADMIN_KEY = {"PENSTOCK_ADMIN_KEY": "canary-operators-key"}
FIELDS = [(s.name, f) for s in msgspec.structs.fields(Settings) for f in msgspec.structs.fields(s.type)]
SECRETS = ["DATABASE_URL", "REDIS_URL", "MITTO_API_KEY", "MITTO_WEBHOOK_SECRET", "PENSTOCK_ADMIN_KEY"]
DOCUMENTED = [
    "DATABASE_URL",
    "REDIS_URL",
    "MITTO_API_BASE",
    "MITTO_API_KEY",
    "MITTO_TRAFFIC_ACCOUNT_ID",
    "MITTO_SENDER_NAME",
    "MITTO_WEBHOOK_SECRET",
    "MITTO_MAX_SEGMENTS_PER_S",
    "SMS_BATCH_SIZE",
    "SMS_BATCH_MAX_BYTES",
    "RATE_LIMIT_TRAFFIC_ACCOUNT_MAX",
    "RATE_LIMIT_TENANT_MAX",
    "RATE_LIMIT_GLOBAL_MAX",
    "RATE_LIMIT_TRAFFIC_ACCOUNT_WINDOW_MS",
    "RATE_LIMIT_TENANT_WINDOW_MS",
    "RATE_LIMIT_GLOBAL_WINDOW_MS",
    "RL_CLAIM_PER_HOUR",
    "RL_REGISTER_PER_HOUR",
    "RL_REGISTER_PER_DAY_WALLET",
    "SAFE_MODE",
    "PENSTOCK_HTTP_HOST",
    "PENSTOCK_HTTP_PORT",
    "PENSTOCK_OPS_PORT",
    "PENSTOCK_ADMIN_KEY",
    "PENSTOCK_TRUSTED_PROXIES",
    "PENSTOCK_DATA_DIR",
    "PENSTOCK_ROLE",
    "PENSTOCK_MODE",
    "PENSTOCK_REPORT_WINDOW",
]


def sample(field: msgspec.structs.FieldInfo) -> tuple[str, object]:
    """A text for a setting that differs from its default, and what it becomes."""
    special: dict[str, tuple[str, object]] = {
        "mode": ("mock", "mock"), "role": ("jobs", "jobs"), "workers": ("3", 3), "data_dir": ("/srv/p", Path("/srv/p")),
        "safe_mode": ("1", True), "reference": ("0", False), "per_s": ("23", 23),
        "trusted_proxies": ("10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")), "host": ("::", "::"),
        "api_base": ("http://127.0.0.1:1", "http://127.0.0.1:1"), "sender_name": ("Other", "Other"),
        "traffic_account_id": ("other", "other"), "private_fields": ("iban, tax_id", ("iban", "tax_id")),
    }  # fmt: skip
    if Secret in get_args(field.type):
        return "text-of-a-secret", Secret("text-of-a-secret")
    if field.name == "idempotency_kept":
        return "8d", timedelta(days=8)
    if field.type is timedelta:
        return "7s", timedelta(seconds=7)
    return special.get(field.name, ("2345", 2345) if field.name != "in_flight" else ("9", 9))


@pytest.mark.parametrize(("section", "field"), FIELDS, ids=[f"{section}.{field.name}" for section, field in FIELDS])
def test_every_setting_is_reached_by_its_name(section: str, field: msgspec.structs.FieldInfo) -> None:
    """Each setting can be given under its environment name, and arrives as its type."""
    text, value = sample(field)
    settings = load({"PENSTOCK_MODE": "mock", environment_name(section, field.name): text})
    assert getattr(getattr(settings, section), field.name) == value


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_names_are_known(name: str) -> None:
    """The names that users already have are settings."""
    assert name in KNOWN_NAMES


def test_long_names_follow_section_and_field() -> None:
    """A setting without a short name is PENSTOCK_<SECTION>__<FIELD>."""
    assert load({"PENSTOCK_MITTO__CONNECT_TIMEOUT": "250ms"}).mitto.connect_timeout == timedelta(seconds=0.25)


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("30s", 30), ("1.5m", 90), ("72h", 259_200), ("3d", 259_200), (" 5s ", 5)]
)
def test_durations_carry_a_unit(text: str, seconds: float) -> None:
    """A duration is a number and a unit."""
    assert load({"PENSTOCK_REPORT_WINDOW": text}).receipts.report_window == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["30", "s", "-5s", "5 s", "1e3s", "5w", "9999999999d", "", "0s", "0ms", "0.0h"])
def test_other_durations_are_a_problem(text: str) -> None:
    """Anything else is refused in one line that names the setting."""
    with pytest.raises(ConfigError) as raised:
        load({"PENSTOCK_REPORT_WINDOW": text})
    assert [line.partition(":")[0] for line in raised.value.problems] == ["PENSTOCK_REPORT_WINDOW"]


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_may_come_from_files(name: str, tmp_path: Path) -> None:
    """A secret is read from NAME_FILE without its line end."""
    path = tmp_path / "secret"
    path.write_text("secret-from-a-file\n")
    section, field = KNOWN_NAMES[name]
    loaded = load({"PENSTOCK_MODE": "mock", f"{name}_FILE": str(path)})
    assert getattr(getattr(loaded, section), field).reveal() == "secret-from-a-file"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"", b" \n"])
def test_a_bad_secret_file_is_one_clear_line(content: bytes | None, tmp_path: Path) -> None:
    """A file that is missing, no text or empty stops the start with a line that names the setting."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load({name: text for name, text in REAL.items() if name != "MITTO_API_KEY"} | {"MITTO_API_KEY_FILE": str(path)})
    assert [line.partition(":")[0] for line in raised.value.problems] == ["MITTO_API_KEY_FILE"]


@pytest.mark.parametrize("name", ["PENSTOCK_HTTP__PROT", "MITTO_KEY", "SMS_BATCHSIZE", "RATE_LIMIT_MAX", "SMS_BATCH_SIZE_FILE"])
def test_unknown_names_are_problems(name: str) -> None:
    """A misspelt name with one of our prefixes is refused, not ignored."""
    with pytest.raises(ConfigError) as raised:
        load({"PENSTOCK_MODE": "mock", name: "1"})
    assert raised.value.problems == [f"{name}: not a setting of this version"]


def test_names_of_others_are_ignored() -> None:
    """What Kubernetes injects for a service called penstock, and everything without our prefixes, is not ours."""
    foreign = {
        "PENSTOCK_PORT": "tcp://10.0.0.1:8080", "PENSTOCK_PORT_8080_TCP_ADDR": "10.0.0.1", "PENSTOCK_SERVICE_HOST": "10.0.0.1",
        "PENSTOCK_SERVICE_PORT_HTTP": "8080", "PENSTOCK_URL": "http://x", "PENSTOCK_API_KEY": "pk_x", "PATH": "/bin",
        "STRIPE_WEBHOOK_SECRET": "x", "OTEL_SERVICE_NAME": "x",
    }  # fmt: skip
    assert load(foreign) == load({})


@pytest.mark.parametrize("base", ["https://mitto.example", "http://127.0.0.1:8090", "https://mitto.example:8443/v2/"])
def test_a_web_address_is_taken(base: str) -> None:
    """The provider's address is a scheme and a host, perhaps a port and a path."""
    assert load({"PENSTOCK_MODE": "mock", "MITTO_API_BASE": base}).mitto.api_base == base


@pytest.mark.parametrize(
    "base",
    ["mitto.example", "//mitto.example", "htps://mitto.example", "ftp://mitto.example", "HTTPS//mitto.example", "https://",
     "https:///path", "https://mitto.example?x=1", "https://mitto.example#x", "https://mitto .example",
     "https://mitto.example\nx"],
)  # fmt: skip
def test_an_address_that_cannot_be_called_is_refused(base: str) -> None:
    """An address without a scheme, or with another one, stops the start with one line instead of failing at each send."""
    with pytest.raises(ConfigError) as raised:
        load({"PENSTOCK_MODE": "mock", "MITTO_API_BASE": base})
    assert [line.partition(":")[0] for line in raised.value.problems] == ["MITTO_API_BASE"]
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("key", ["canary\nkey", "canary\r\nkey", "canary key", "canary\tkey", "canäry", "canary\x00key"])
@pytest.mark.parametrize("way", ["MITTO_API_KEY", "MITTO_API_KEY_FILE"])
def test_a_key_that_no_header_can_carry_is_refused(key: str, way: str, tmp_path: Path) -> None:
    """A line break or a blank within a secret is told at the start in one line that does not quote it."""
    (tmp_path / "key").write_text(key, newline="")
    text = key if way == "MITTO_API_KEY" else str(tmp_path / "key")
    with pytest.raises(ConfigError) as raised:
        load({name: value for name, value in REAL.items() if name != "MITTO_API_KEY"} | {way: text})
    assert [line.partition(":")[0] for line in raised.value.problems] == [way]
    assert "can" not in str(raised.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n\n"])
def test_the_line_end_of_a_secret_is_dropped(end: str) -> None:
    """A secret that was read with its line end, as shells and files give it, is the secret without it."""
    key = load({**REAL, "MITTO_API_KEY": f"key{end}"}).mitto.api_key
    assert key is not None
    assert key.reveal() == "key"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_given_twice_is_refused(name: str, tmp_path: Path) -> None:
    """A secret in the environment and in a file leaves open which of them counts, even if they agree."""
    (tmp_path / "secret").write_text((REAL | ADMIN_KEY)[name])
    with pytest.raises(ConfigError) as raised:
        load({**REAL, **ADMIN_KEY, f"{name}_FILE": str(tmp_path / "secret")})
    assert raised.value.problems == [f"{name}: given twice, also as {name}_FILE"]


def test_a_short_operators_key_is_refused() -> None:
    """The key that opens everything has at least 16 characters, and the refusal does not repeat it."""
    with pytest.raises(ConfigError) as raised:
        load({**REAL, "PENSTOCK_ADMIN_KEY": "canary-15-chars"})
    assert raised.value.problems == ["PENSTOCK_ADMIN_KEY: must have at least 16 characters"]


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "lb.internal", "10.0.0.1 10.0.0.2"])
def test_a_trusted_proxy_is_a_network(text: str) -> None:
    """A slip does not make everybody trusted, and the line says what was expected."""
    with pytest.raises(ConfigError) as raised:
        load({"PENSTOCK_TRUSTED_PROXIES": f"192.0.2.1,{text}"})
    assert raised.value.problems == [
        "PENSTOCK_TRUSTED_PROXIES: expected networks such as 10.0.0.0/8 or 2001:db8::/32, parted by commas"
    ]


@pytest.mark.parametrize(
    ("text", "is_taken"), [("119s", True), ("119.9s", True), ("120s", False), ("2m", False), ("1h", False)]
)
def test_a_call_must_end_before_its_lease(text: str, is_taken: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A deadline of a call that reaches the lease would let an attempt be given up while its request is still on the way."""
    given = {"PENSTOCK_MITTO__TIMEOUT": text}
    if is_taken:
        assert load(given).mitto.timeout < LONGEST_CALL == LEASE
        return
    with pytest.raises(ConfigError) as raised:
        load(given)
    assert raised.value.problems == ["PENSTOCK_MITTO__TIMEOUT: must be under 120s, the lease"]


def test_every_sender_has_a_connection() -> None:
    """Fewer connections than senders are refused at the start; the number of senders is that of the dispatcher."""
    with pytest.raises(ConfigError) as raised:
        load({"PENSTOCK_MODE": "mock", "PENSTOCK_DISPATCH__IN_FLIGHT": "14"})
    assert raised.value.problems == ["PENSTOCK_MITTO__CONNECTIONS: must be at least 17, with PENSTOCK_DISPATCH__IN_FLIGHT=14"]
    assert load({"PENSTOCK_MODE": "mock", "PENSTOCK_DISPATCH__IN_FLIGHT": "13"}).dispatch.in_flight == 13
    assert SENDERS_BESIDES == SPARE + 1


def test_all_problems_are_told_at_once() -> None:
    """A start with several mistakes names every one of them, sorted, one line each."""
    with pytest.raises(ConfigError) as raised:
        load(
            {
                "PENSTOCK_MODE": "real",
                "SMS_BATCH_SIZE": "0",
                "PENSTOCK_ROLE": "boss",
                "MITTO_TYPO": "x",
                **dict(list(REAL.items())[2:]),
            }
        )
    names = [line.partition(":")[0] for line in raised.value.problems]
    assert names == ["DATABASE_URL", "MITTO_TYPO", "PENSTOCK_ROLE", "REDIS_URL", "SMS_BATCH_SIZE"]
    assert str(raised.value).count("\n") == len(names) - 1


@pytest.mark.parametrize(
    ("name", "text"),
    [("PENSTOCK_HTTP_PORT", "65536"), ("PENSTOCK_HTTP_PORT", "-1"), ("SMS_BATCH_MAX_BYTES", "1999"),
     ("MITTO_MAX_SEGMENTS_PER_S", "none"), ("MITTO_MAX_SEGMENTS_PER_S", "null"), ("MITTO_MAX_SEGMENTS_PER_S", "0"),
     ("SAFE_MODE", "perhaps"), ("RATE_LIMIT_TENANT_MAX", "many"), ("RATE_LIMIT_TENANT_WINDOW_MS", "99"),
     ("MITTO_SENDER_NAME", "Twelve Chars"), ("RL_REGISTER_PER_HUOR", "3"),
     ("PENSTOCK_DISPATCH__IN_FLIGHT", "65"), ("PENSTOCK_MODE", "Real")],
)  # fmt: skip
def test_values_out_of_range_are_problems(name: str, text: str) -> None:
    """A value outside its range or of the wrong kind is refused under the name it was given."""
    with pytest.raises(ConfigError) as raised:
        load({"PENSTOCK_MODE": "mock", name: text})
    assert [line.partition(":")[0] for line in raised.value.problems] == [name]


@pytest.mark.parametrize("missing", REAL)
@pytest.mark.parametrize("blank", [None, "", "  "])
def test_real_mode_refuses_to_start_half_configured(missing: str, blank: str | None) -> None:
    """Each of the seven needs of real mode is asked for when it is missing or empty."""
    given = {name: text for name, text in REAL.items() if name != missing} | ({} if blank is None else {missing: blank})
    with pytest.raises(ConfigError) as raised:
        load(given | {"PENSTOCK_MODE": "real"})
    assert [line.partition(":")[0] for line in raised.value.problems] == [missing]


def test_real_mode_starts_with_what_it_needs() -> None:
    """The seven needs are enough."""
    settings = load(REAL)
    assert (settings.mode, settings.mitto.max_segments_per_s) == ("real", 100)


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "MITTO_API_BASE", "MITTO_API_KEY", "MITTO_SENDER_NAME"])
@pytest.mark.parametrize("suffix", ["", "_FILE"])
def test_mock_is_implicit_only_with_nothing_real(name: str, suffix: str, tmp_path: Path) -> None:
    """One real address or credential is enough for real mode, in a file as well: no one lands in mock mode by omission."""
    assert load({}).mode == "mock"
    path = tmp_path / "secret"
    path.write_text("postgresql://x")
    with pytest.raises(ConfigError, match="required in real mode"):
        load({f"{name}{suffix}": str(path) if suffix else "postgresql://x"})


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [("SAFE_MODE", "yes please", "expected 0 or 1"), ("PENSTOCK_HTTP_PORT", "70000", "expected a whole number from 0 to 65535"),
     ("RATE_LIMIT_TENANT_MAX", "many", "expected a whole number of at least 1"),
     ("MITTO_MAX_SEGMENTS_PER_S", "0", "expected a number of at least 1 or unlimited"),
     ("MITTO_SENDER_NAME", "No", "expected 3 to 11 printable ASCII characters with at least one letter, or 3 to 14 digits")],
)  # fmt: skip
def test_a_problem_says_what_is_expected(name: str, text: str, problem: str) -> None:
    """In words of the person who sets it, not of the program's types."""
    with pytest.raises(ConfigError) as raised:
        load({"PENSTOCK_MODE": "mock", name: text})
    assert raised.value.problems == [f"{name}: {problem}"]


def test_mock_mode_is_whole_by_itself() -> None:
    """With nothing set the provider's settings are the simulator's, servers are embedded, and what is given wins."""
    mitto = load({}).mitto
    assert {name: getattr(mitto, name) for name in MOCK_MITTO} == {
        **MOCK_MITTO, "api_key": Secret(MOCK_MITTO["api_key"]), "webhook_secret": Secret(MOCK_MITTO["webhook_secret"]),
    }  # fmt: skip
    assert load({}).database.url is load({}).redis.url is None
    assert load({"PENSTOCK_MODE": "mock", "MITTO_SENDER_NAME": "Shop"}).mitto.sender_name == "Shop"


def test_references_are_sent_in_mock_mode_only_unless_told() -> None:
    """Not set: where the provider is the simulator, and nowhere else; what is given counts in both modes."""
    assert load({}).has_references
    assert not load(REAL).has_references
    assert load({**REAL, "PENSTOCK_MITTO__REFERENCE": "1"}).has_references
    assert not load({"PENSTOCK_MODE": "mock", "PENSTOCK_MITTO__REFERENCE": "0"}).has_references


def test_defaults_are_the_documented_ones() -> None:
    """Ports, batch size, limits and windows as the documentation says."""
    settings = load({})
    assert (settings.http.port, settings.http.ops_port) == (8080, 8081)
    assert (settings.sms.batch_size, settings.sms.batch_max_bytes) == (5000, 1_000_000)
    rates = settings.rate_limit
    assert (rates.traffic_account_max, rates.tenant_max, rates.global_max) == (100, 50, 200)
    assert settings.receipts.report_window == timedelta(hours=72)
    assert settings.mitto.timeout == timedelta(seconds=60)


@pytest.mark.parametrize("show", [repr, str, lambda value: f"{value!s}{value!r}"])
def test_no_repr_shows_a_secret(show: Any) -> None:
    """The settings can be printed: secrets are masked wherever they lie."""
    settings = load({**REAL, "MITTO_API_KEY": "canary-key", "MITTO_WEBHOOK_SECRET": "canary-secret"})
    assert "canary" not in show(settings)
    assert all("canary" not in show(getattr(settings, section.name)) for section in msgspec.structs.fields(Settings))


def test_problems_show_no_secret() -> None:
    """What is wrong with a setting is told without quoting a credential."""
    with pytest.raises(ConfigError) as raised:
        load({**REAL, "SMS_BATCH_SIZE": "x", "MITTO_TYPO": "canary-typo"})
    assert "canary" not in str(raised.value)
