"""`penstock verify`: hold the books of the whole database against a recount. Changes nothing."""

import asyncio
from typing import TYPE_CHECKING

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from penstock.domain.finding import Finding


def verify() -> None:
    """Count every message and check books and batches against it, also while the gateway runs. Exit code 1 for a finding."""
    campaigns, messages, findings = asyncio.run(_verify())
    for finding in findings:
        print(_line(finding))
    print(f"verified campaigns={campaigns} messages={messages} findings={len(findings)}")
    if findings:
        raise CommandError("what was written about some campaigns is not so; the gateway mends what it can within the hour")


async def _verify() -> tuple[int, int, list["Finding"]]:
    from penstock.cli.environment import open_store, read_settings
    from penstock.cli.failure import clear_failures
    from penstock.reconcile.verify import verify_all

    with clear_failures():
        async with open_store(read_settings()) as store:
            return await verify_all(store)


def _line(finding: "Finding") -> str:
    detail = " ".join(f"{name}={value}" for name, value in finding.detail.items())
    return f"{finding.kind} {finding.subject} {detail}"
