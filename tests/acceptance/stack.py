"""A whole Regdex as its users run it: `regdex up` in a process of its own, asked over REST and over gRPC."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import orjson
import pytest

from cli.terminal.output import as_dict
from regdex.client import Client
from regdex.errors import RegdexError
from tests.harness.registries import free_port

REGDEX = Path(sys.executable).parent / "regdex"
START_SECONDS = 60.0
PATIENCE_SECONDS = 20.0
SECRET = "acceptance-secret"


class Api(Protocol):
    """Either door. Answers have the shape of REST's JSON; what is not there is None."""

    async def ask(self, operation: str, **parameters: Any) -> Any: ...


class RestApi:
    """Over REST; `operation` is the RPC's method name."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/api/v1"

    async def ask(self, operation: str, **parameters: Any) -> Any:
        method, path = _PATHS[operation]
        names = {name: parameters.pop(name) for name in list(parameters) if "{" + name + "}" in path}
        body = {"json": parameters} if method == "POST" else {"params": _query(parameters)}
        async with self._session.request(method, self._url + path.format(**names), **body) as response:
            if response.status == 404:
                return None
            text = await response.read()
            assert response.status == 200, f"{operation}: {response.status} {text!r}"
            return orjson.loads(text)


class GrpcApi:
    """Over gRPC."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ask(self, operation: str, **parameters: Any) -> Any:
        method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
        if "as_of" in parameters:
            parameters["as_of"] = datetime.fromisoformat(parameters["as_of"])
        try:
            answer = await getattr(self._client, method)(**parameters)
        except RegdexError as error:
            if error.code == "NOT_FOUND":
                return None
            raise
        return orjson.loads(orjson.dumps(as_dict(answer), option=orjson.OPT_UTC_Z))


_REPOSITORY = "/repositories/{registry}/{repository}"
_PATHS = {
    "ListRegistries": ("GET", "/registries"),
    "GetRegistry": ("GET", "/registries/{registry}"),
    "GetRepository": ("GET", _REPOSITORY),
    "ListTags": ("GET", _REPOSITORY + "/-/tags"),
    "GetTag": ("GET", _REPOSITORY + "/-/tags/{tag}"),
    "ListTagHistory": ("GET", _REPOSITORY + "/-/tags/{tag}/history"),
    "GetManifest": ("GET", _REPOSITORY + "/-/manifests/{digest}"),
    "ListReferrers": ("GET", _REPOSITORY + "/-/manifests/{digest}/referrers"),
    "ResolveReference": ("GET", "/resolve"),
    "LookupDigest": ("GET", "/digests/{digest}"),
    "SearchRepositories": ("GET", "/search"),
    "GetDownloads": ("GET", "/downloads"),
    "ListTopRepositories": ("GET", "/downloads/top"),
    "StartBackfill": ("POST", "/registries/{registry}:backfill"),
    "GetBackfill": ("GET", "/backfills/{id}"),
    "ListDeadLetters": ("GET", "/dead-letters"),
}


def _query(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in parameters.items():
        for item in value if isinstance(value, list) else [value]:
            pairs.append((name, item.isoformat() if hasattr(item, "isoformat") else str(item)))
    return pairs


class Regdex:
    """`regdex up` with a settings file of its own; `apis` are REST and gRPC.

    `more` is added to the settings file behind the last registry: keys of it, and further sections.
    """

    def __init__(self, directory: Path, registries: Mapping[str, str], *, more: str = "") -> None:
        self.directory = directory
        self.ports = {name: free_port() for name in ("rest", "grpc", "webhooks", "metrics")}
        self._process: asyncio.subprocess.Process | None = None
        self.apis: tuple[Api, ...] = ()
        (directory / "secret").write_text(SECRET)
        sections = [f'[{name}]\nlisten = "127.0.0.1:{port}"\n' for name, port in self.ports.items()]
        sections[-1] += f'index_listen = "127.0.0.1:{free_port()}"\n'
        sections += [
            f'[[registries]]\nname = "{name}"\nurl = "{url}"\nwebhook_secret_file = "secret"\n'
            for name, url in registries.items()
        ]
        sections[-1] += more
        self.config = directory / "regdex.toml"
        self.config.write_text("\n".join(sections))

    def webhook_url(self, registry: str) -> str:
        return f"http://127.0.0.1:{self.ports['webhooks']}/webhooks/{registry}"

    async def start(self) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("REGDEX_")}
        with (self.directory / "regdex.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                REGDEX, "up", "--config", self.config, stdout=log, stderr=log, env=environment
            )
        async with aiohttp.ClientSession() as session:
            await eventually(lambda: self._is_ready(session), within=START_SECONDS)

    async def stop(self) -> int:
        """SIGTERM, as a supervisor would; returns the exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), 30)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            pytest.fail((self.directory / "regdex.log").read_text()[-4000:])
        try:
            async with session.get(f"http://127.0.0.1:{self.ports['rest']}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False


@asynccontextmanager
async def regdex_up(directory: Path, registries: Mapping[str, str], *, more: str = "") -> AsyncIterator[Regdex]:
    """A running Regdex for `registries` (name → url), all with the webhook secret SECRET."""
    stack = Regdex(directory, registries, more=more)
    await stack.start()
    try:
        async with aiohttp.ClientSession() as session, Client(f"127.0.0.1:{stack.ports['grpc']}") as client:
            stack.apis = (RestApi(session, f"http://127.0.0.1:{stack.ports['rest']}"), GrpcApi(client))
            yield stack
    finally:
        code = await stack.stop()
    assert code == 0, (directory / "regdex.log").read_text()[-4000:]


def stretched(seconds: float) -> float:
    """As much time as a promise of `seconds` gives, or more of it where others keep this machine busy."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


async def eventually(check: Callable[[], Awaitable[Any]], *, within: float = PATIENCE_SECONDS) -> float:
    """Wait until `check` is true; returns after how many seconds it was. Its last AssertionError fails the test."""
    began = time.monotonic()
    problem: AssertionError | None = None
    while (waited := time.monotonic() - began) < within:
        try:
            if await check() is not False:
                return waited
        except AssertionError as error:
            problem = error
        await asyncio.sleep(0.02)
    raise problem or AssertionError(f"still not so after {within} seconds")


async def run_program(*command: str | Path) -> None:
    """Run a client; the test fails when it does."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
