"""What the document says is what the application does: generated requests, good and bad, against the served application."""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.conftest import ADMIN_KEY, Api, rows
from tests.api.test_document import DOCUMENT, operations

CHECKS: Final[list[Callable[..., Any]]] = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, unsupported_method, missing_required_header,
]  # fmt: skip
NOT_HERE: Final = ("/webhooks", "/metrics", "/livez", "/healthz", "/startupz", "/health", "/readiness")
"""Served beside the application's own routes, by a whole process."""
NAMES: Final = [name for name, _ in operations() if not name.partition(" ")[2].startswith(NOT_HERE)]


@pytest.fixture
async def things(api: Api, other: Api) -> dict[str, list[Any]]:
    """By the names of an address's places: what is there. The operator does with the other tenant what it does."""
    campaigns = [await api.create("Hi {name}") for _ in range(3)]
    for campaign in campaigns[1:]:
        await api.upload(campaign, rows(3))
    await api.call("POST", f"/v1/campaigns/{campaigns[2]}/send")
    message = await api.call("POST", "/v1/messages", json={"to": "+4915100000000", "text": "Hello"})
    await api.call("PUT", "/v1/ingest/shop", json={"identity": "content"})
    spare = {"label": "spare", "scopes": ["read"]}
    keys = [(await one.call("POST", "/v1/keys", json=spare)).json["id"] for one in (api, other)]
    return {
        "campaign_id": campaigns, "message_id": [message.json["id"]], "source": ["shop"], "key_id": keys,
        "tenant_id": [other.tenant_id],
    }  # fmt: skip


async def conform(api: Api, things: dict[str, list[Any]], name: str, mode: GenerationMode, examples: int) -> None:
    """Send so many generated requests to one operation, half of them to what exists."""
    method, _, path = name.partition(" ")
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    refusals = schema.config.checks.negative_data_rejection
    refusals.expected_statuses = [*refusals.expected_statuses, "413"]
    operation = schema[path][method]
    places = re.findall(r"\{(\w+)\}", path)
    # A stream of a campaign that goes on would not end.
    is_mixed = bool(places) and set(places) <= set(things) and not path.endswith("/events")
    # A bad row of an upload, a bad message of a list is listed; it does not refuse the others.
    is_refused = mode is GenerationMode.NEGATIVE and not path.endswith("/recipients") and name != "POST /v1/messages"
    checks = CHECKS + ([negative_data_rejection] if is_refused else [])
    key = ADMIN_KEY if path.startswith("/admin") else api.key

    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def send(case: schemathesis.Case, data: st.DataObject) -> None:
        if is_mixed and mode is GenerationMode.POSITIVE and data.draw(st.booleans()):
            case.path_parameters.update({place: data.draw(st.sampled_from(things[place])) for place in places})
        # An empty list is not written into an address at all.
        hypothesis.assume(all(value not in ([], {}) for value in case.query.values()))
        case.headers.setdefault("Idempotency-Key", str(uuid4()))
        case.call_and_validate(base_url=api.url, headers={"Authorization": f"Bearer {key}"}, checks=checks)

    await asyncio.to_thread(send)


CASES: Final = [
    (name, mode)
    for name, operation in operations()
    if name in NAMES
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or any("schema" in one for one in operation["parameters"]) or "requestBody" in operation
]
"""What takes nothing cannot be given anything wrong."""


@pytest.mark.parametrize(("name", "mode"), CASES)
async def test_answers_are_as_described(api: Api, things: dict[str, list[Any]], name: str, mode: GenerationMode) -> None:
    """No request makes the application fail, and each answer has the status, headers and body that the document gives it."""
    await conform(api, things, name, mode, 15)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "mode"), CASES)
async def test_answers_are_as_described_at_length(
    api: Api, things: dict[str, list[Any]], name: str, mode: GenerationMode
) -> None:
    """The same, longer."""
    await conform(api, things, name, mode, 300)
