"""The process's redactor: what the core does with it is tested in tests/unit/core/test_redaction.py."""

import json
from collections.abc import Iterator

import pytest

from penstock.redact import MASK, Secret, redact_json, redact_text, set_private_fields

PRIVATE = [
    "+4915100000000",
    "+49 151 000 00000",
    "+49 (151) 000-00000",
    "pk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "Bearer abcdefgh12345678",
    "bearer abcdefgh12345678",
    "token=hush-hush",
    "secret=hush-hush",
    "api_key=hush-hush",
    "password=hush-hush",
]


@pytest.fixture
def usual_fields() -> Iterator[None]:
    """The usual private fields are in force again afterwards."""
    yield
    set_private_fields(())


@pytest.mark.parametrize("private", PRIVATE)
@pytest.mark.parametrize("around", ["{}", "before {} after", "x={},y", '{{"a":"{}"}}', "/path?{}&b=1"])
def test_private_texts_are_masked_wherever_they_stand(private: str, around: str) -> None:
    """A number, key or credential inside any text is replaced, and the text around it stays."""
    masked = redact_text(around.format(private))
    assert private not in masked
    assert "151" not in masked
    assert "hush" not in masked
    assert MASK in masked or "+49…00" in masked


@pytest.mark.parametrize("text", ["", "batch 17 settled", "2026-01-01T00:00:00+00:00", "id 4915100000000", "a+b=c"])
def test_other_texts_stay(text: str) -> None:
    """Ids, times and plain words are left as they are."""
    assert redact_text(text) is text


@pytest.mark.parametrize("name", ["to", "text", "Authorization", "apiKey", "x-webhook-secret", "url_query", "phone"])
@pytest.mark.parametrize("value", ["canary", 4915100000000, ["canary"], {"a": "canary"}, None])
def test_private_fields_are_masked_whole(name: str, value: object) -> None:
    """A field whose name says that it is private shows nothing, whatever its type, case and depth."""
    document = json.dumps({name: value, "outer": [{name.upper(): value}]}).encode()
    assert json.loads(redact_json(document)) == {name: MASK, "outer": [{name.upper(): MASK}]}


@pytest.mark.usefixtures("usual_fields")
def test_private_fields_are_in_force_everywhere_until_others_are() -> None:
    """Extra fields are masked in documents and texts alike, and setting others takes their place."""
    set_private_fields(["tax_id"])
    assert redact_json(b'{"taxId":1}') == b'{"taxId":"***"}'
    assert redact_text("tax_id=DE123") == "tax_id=***"
    set_private_fields(["iban"])
    assert redact_json(b'{"taxId":1}') == b'{"taxId":1}'


def test_secret_is_read_only_by_name() -> None:
    """A secret prints as a mask in every form, compares by content and gives itself up to `reveal` alone."""
    secret = Secret("canary")
    assert {str(secret), repr(secret), f"{secret}", f"{secret!r}"} == {MASK}
    assert secret.reveal() == "canary"
    assert secret == Secret("canary")
    assert secret != Secret("other")
    assert len({secret, Secret("canary")}) == 1
