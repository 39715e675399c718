"""Every profile of `locustfile.py`, one after the other, against embedded servers, the simulator and a gateway on loopback.

    python bench/load.py [--only Retry]      (`make load`; BENCH_SCALE=tiny for a tenth of the counts and no bound on time)

A profile fails on a wrong answer, a failed request, or a p95 over 200 ms; the exit code is 1 when one failed.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

import msgspec
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import audience, rig
from bench.machine import IS_TINY, ROOT
from tests.e2e.inside import free_port

SECONDS = 5 if IS_TINY else 20
"""Of the profiles that have no number of calls."""
LONGEST_S = 180
"""Of the others: past it they end, and fail because they are not complete."""


class Profile(msgspec.Struct, frozen=True):
    """How one profile is run."""

    classes: tuple[str, ...]
    users: int
    seconds: int
    spawn_rate: int = 100


PROFILES = {
    "Campaign": Profile(("Campaign",), 4, SECONDS),
    "Single": Profile(("Single",), 50, SECONDS),
    "Retry": Profile(("Retry",), 75, LONGEST_S),
    "IngestDedup": Profile(("IngestDedup",), 75, LONGEST_S),
    "RegisterBurst": Profile(("RegisterBurst",), 100 if IS_TINY else 1_000, LONGEST_S),
    "Reports": Profile(("Reports",), 50, LONGEST_S),
    "Mixed": Profile(("Campaign", "Single", "Reader"), 24, SECONDS),
}


async def run(names: list[str]) -> list[str]:
    """The profiles that failed."""
    port = free_port()
    callback = f"http://127.0.0.1:{port}/webhooks/mitto/dlr"
    with rig.servers() as servers, rig.simulator(callback=callback, secret=rig.SECRET) as provider:
        async with rig.database(servers) as dsn:
            owner = await audience.prepare(dsn)
            settings = {"PENSTOCK_HTTP__CONNECTIONS_PER_IP": "1100", "PENSTOCK_HTTP__CONNECTIONS": "1200"}
            async with rig.gateway(servers, dsn, provider, port=port, **settings) as gateway:
                return [name for name in names if await fails(name, gateway, owner)]


async def fails(name: str, gateway: rig.Gateway, owner: audience.Owner) -> bool:
    """Run one profile in a process of its own."""
    profile = PROFILES[name]
    print(f"\n== {name}: {profile.users} users", flush=True)
    environment = {
        **os.environ,  # noqa: TID251 - for a child
        "PENSTOCK_API_KEY": owner.key, "PENSTOCK_ADMIN_KEY": rig.ADMIN_KEY, "MITTO_WEBHOOK_SECRET": rig.SECRET,
        "PENSTOCK_OPS_URL": gateway.ops_url, **({"LOAD_SCALE": "0.1", "LOAD_P95_MS": "60000"} if IS_TINY else {}),
    }  # fmt: skip
    options = [
        "--headless", "--only-summary", "--host", gateway.url, "--users", str(profile.users),
        "--spawn-rate", str(profile.spawn_rate), "--run-time", f"{profile.seconds}s", "--stop-timeout", "30",
        *profile.classes,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "locust", "-f", str(ROOT / "bench" / "locustfile.py"), *options, env=environment, cwd=ROOT
    )
    return await process.wait() != 0


def main() -> int:
    """Print what failed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", action="append", choices=PROFILES)
    given = options.parse_args()
    failed = uvloop.run(run(given.only or list(PROFILES)))
    print(f"\nload: {'failed in ' + ', '.join(failed) if failed else 'every profile passed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
