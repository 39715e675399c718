"""A real cluster of three masters, from the same program as the embedded Valkey."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from penstock.embedded.binaries import find_valkey
from penstock.limits.demand import KEY_PREFIX
from tests.servers import free_port, private_folder

SLOTS = 16384
MASTERS = 3
READY_S = 30


@contextmanager
def private_cluster() -> Iterator[str]:
    """Lend the URL of a node that does not own the provider's keys: whoever calls it is sent elsewhere."""
    found = find_valkey(None)
    program = found if isinstance(found, Path) else found.path
    ports = [free_port() for _ in range(2 * MASTERS)]
    with ExitStack() as stack:
        folder = stack.enter_context(private_folder())
        nodes = []
        for port, bus in zip(ports[:MASTERS], ports[MASTERS:], strict=True):
            home = folder / str(port)
            home.mkdir()
            words = [
                str(program), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home), "--cluster-enabled", "yes",
                "--cluster-port", str(bus), "--cluster-node-timeout", "2000", "--save", "", "--logfile", str(home / "log"),
            ]  # fmt: skip
            popen = subprocess.Popen(words, cwd=home)
            stack.callback(popen.wait)
            stack.callback(popen.terminate)
            nodes.append(stack.enter_context(redis.Redis(port=port)))
        _join(nodes, ports)
        owner = key_slot(f"{KEY_PREFIX}epoch".encode()) * MASTERS // SLOTS
        yield f"redis://127.0.0.1:{ports[(owner + 1) % MASTERS]}"


def _join(nodes: list[redis.Redis], ports: list[int]) -> None:
    """Give every node a third of the slots, let them meet, and wait until they agree."""
    for number, node in enumerate(nodes):
        _until(node.ping)
        first, end = (-(-SLOTS * edge // MASTERS) for edge in (number, number + 1))
        node.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
        node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
    for port, bus in zip(ports[1:MASTERS], ports[MASTERS + 1 :], strict=True):
        nodes[0].execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
    for node in nodes:
        _until(partial(_is_whole, node))


def _is_whole(node: redis.Redis) -> bool:
    said: Any = node.execute_command("CLUSTER INFO")
    return bool(said["cluster_state"] == "ok" and int(said["cluster_known_nodes"]) == MASTERS)


def _until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + READY_S
    while True:
        try:
            if condition():
                return
        except redis.ConnectionError:
            pass
        assert time.monotonic() < end, "the cluster does not come up"
        time.sleep(0.05)
