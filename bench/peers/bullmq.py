"""The common Node pattern given the same job, on servers lent for the occasion: see `bullmq/worker.mjs`.

    python bench/peers/bullmq.py [--messages 20000]      (needs node ≥ 20 and npm)

PostgreSQL, Valkey and the simulator are those of every other bench here, with durable commits.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import rig
from bench.machine import commit, processor

SOURCE = Path(__file__).with_name("bullmq")


async def measure(messages: int) -> dict[str, object]:
    """Install it somewhere else, lend it servers, and take its line."""
    with tempfile.TemporaryDirectory() as name, rig.servers() as servers, rig.simulator() as provider:
        folder = shutil.copytree(SOURCE, Path(name) / "peer")
        subprocess.run(["npm", "install", "--silent"], cwd=folder, check=True)  # noqa: ASYNC221, S607 - nothing runs yet
        async with rig.database(servers) as dsn:
            lent = {
                "DATABASE_URL": dsn, "REDIS_URL": servers.valkey.removeprefix("unix://").partition("?")[0],
                "MITTO_API_BASE": provider, "MITTO_API_KEY": rig.KEY,
            }  # fmt: skip
            process = await asyncio.create_subprocess_exec(
                "node", "worker.mjs", str(messages), cwd=folder, env={**os.environ, **lent}, stdout=subprocess.PIPE  # noqa: TID251
            )  # fmt: skip
            said, _ = await process.communicate()
    assert process.returncode == 0, "the worker failed"
    found: dict[str, object] = json.loads(said)
    return found


def main() -> None:
    """Print one line of JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=20_000)
    given = options.parse_args()
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise SystemExit("Node is not installed: install nodejs and npm")
    print(json.dumps({**asyncio.run(measure(given.messages)), "machine": processor(), "commit": commit()}))


if __name__ == "__main__":
    main()
