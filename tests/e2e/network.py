"""A gateway that reaches everything it depends on through a proxy each."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.e2e.processes import Site, site
from tests.e2e.proxy import Proxy
from tests.servers import free_port


@dataclass(frozen=True)
class Network:
    """What lies between."""

    provider: Proxy
    database: Proxy
    limiter: Proxy

    def heal(self) -> None:
        """End every fault."""
        for proxy in (self.provider, self.database, self.limiter):
            proxy.heal()


@asynccontextmanager
async def networked(
    dsn: str, valkey_url: str, folder: Path, *, simulated: Mapping[str, object] | None = None, **changes: str
) -> AsyncIterator[tuple[Site, Network]]:
    """A site as in processes.py; what a test itself asks of its database and simulator does not go through the proxies."""
    port, parts = free_port(), urlsplit(dsn)
    socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
    async with (
        Proxy(("127.0.0.1", port)) as provider,
        Proxy(socket) as database,
        Proxy(unquote(urlsplit(valkey_url).path)) as limiter,
    ):
        through = {
            "MITTO_API_BASE": f"http://127.0.0.1:{provider.port}",
            "DATABASE_URL": f"postgresql://{parts.username}@127.0.0.1:{database.port}{parts.path}?sslmode=disable",
            "REDIS_URL": f"redis://127.0.0.1:{limiter.port}",
        }
        async with site(dsn, valkey_url, folder, simulated={**(simulated or {}), "port": port}, **through, **changes) as at:
            yield at, Network(provider, database, limiter)
