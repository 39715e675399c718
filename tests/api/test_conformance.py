"""What the document says is what the application does: generated requests, good and bad, against the served application."""

import asyncio
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

from tests.api.conftest import Api, rows
from tests.api.test_document import DOCUMENT, operations

CHECKS: Final[list[Callable[..., Any]]] = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, unsupported_method, missing_required_header,
]  # fmt: skip
NOT_HERE: Final = ("/webhooks", "/metrics", "/livez", "/healthz", "/startupz", "/health", "/readiness")
"""Served beside the application's own routes, by a whole process."""
NAMES: Final = [name for name, _ in operations() if not name.partition(" ")[2].startswith(NOT_HERE)]


@pytest.fixture
async def campaigns(api: Api) -> list[str]:
    """A draft with recipients, one without, and one that is being sent."""
    made = [await api.create("Hi {name}") for _ in range(3)]
    for campaign in made[1:]:
        await api.upload(campaign, rows(3))
    await api.call("POST", f"/v1/campaigns/{made[2]}/send")
    return made


async def conform(api: Api, campaigns: list[str], name: str, mode: GenerationMode, examples: int) -> None:
    """Send so many generated requests to one operation, half of them to campaigns that exist."""
    method, _, path = name.partition(" ")
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    refusals = schema.config.checks.negative_data_rejection
    refusals.expected_statuses = [*refusals.expected_statuses, "413"]
    operation = schema[path][method]
    places = {"path_parameters": {"campaign_id": campaigns[0]}} if "{campaign_id}" in path else {}
    strategies = [operation.as_strategy(generation_mode=mode)]
    if mode is GenerationMode.POSITIVE:
        strategies += [operation.as_strategy(generation_mode=mode, **places)] if places else []
    # A bad row of an upload is skipped and listed; it does not refuse the others.
    is_refused = mode is GenerationMode.NEGATIVE and not path.endswith("/recipients")
    checks = CHECKS + ([negative_data_rejection] if is_refused else [])

    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(case=st.one_of(strategies), campaign=st.sampled_from(campaigns))
    def send(case: schemathesis.Case, campaign: str) -> None:
        if case.path_parameters.get("campaign_id") == campaigns[0]:
            case.path_parameters["campaign_id"] = campaign
        case.headers.setdefault("Idempotency-Key", str(uuid4()))
        case.call_and_validate(base_url=api.url, headers={"Authorization": f"Bearer {api.key}"}, checks=checks)

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
async def test_answers_are_as_described(api: Api, campaigns: list[str], name: str, mode: GenerationMode) -> None:
    """No request makes the application fail, and each answer has the status, headers and body that the document gives it."""
    await conform(api, campaigns, name, mode, 15)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "mode"), CASES)
async def test_answers_are_as_described_at_length(api: Api, campaigns: list[str], name: str, mode: GenerationMode) -> None:
    """The same, longer."""
    await conform(api, campaigns, name, mode, 300)
