"""How commands reach a running gateway: PENSTOCK_URL and PENSTOCK_API_KEY, or the options that stand for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.cli.failure import CommandError
from penstock.client import Client, ProblemError


@asynccontextmanager
async def open_client(url: str, api_key: str) -> AsyncIterator[Client]:
    """A client; every failure a person can mend becomes one line."""
    import aiohttp

    if not api_key:
        raise CommandError("no API key: set PENSTOCK_API_KEY (make one with `penstock keys create TENANT`)")
    try:
        async with Client(url, api_key) as client:
            yield client
    except ProblemError as error:
        raise CommandError(f"{error.detail} ({error.code}, request {error.request_id})") from error
    except aiohttp.InvalidURL as error:
        raise CommandError(f"{url} is not the address of a gateway: write it as http://127.0.0.1:8080") from error
    except aiohttp.ClientConnectorError as error:
        raise CommandError(
            f"no gateway answers at {url}: is `penstock serve` running? Set PENSTOCK_URL for another one"
        ) from error
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
        raise CommandError(f"the connection to {url} broke off ({type(error).__name__})") from error
