"""`regdex index` and `regdex serve` as separate processes that share a data directory and a PostgreSQL."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from regdex.database import Pool
from regdex.search import Query
from regdex.search.tantivy import TantivyIndex
from regdex.store.search.index_state import get_index_state
from tests.harness.registries import free_port

REGDEX = Path(sys.executable).parent / "regdex"
SECRET = "operations-secret"
START_SECONDS = 60.0
STOP_SECONDS = 25.0


def _with_a_terminal() -> None:
    """Undo nohup, under which the tests may run: child processes inherit ignored signals."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def environment() -> dict[str, str]:
    """Return the environment of the tests without REGDEX_ variables."""
    return {key: value for key, value in os.environ.items() if not key.startswith("REGDEX_")}


@dataclass
class Process:
    """A running command; `log` is the file with its output."""

    process: asyncio.subprocess.Process
    log: Path

    async def kill(self) -> None:
        """Kill the process (kill -9)."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code. Raises TimeoutError when the process takes too long."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            return await self.process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class Installation:
    """One settings file for both processes. No registry runs at the address of `prod`."""

    directory: Path
    url: str
    ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in ("rest", "grpc", "webhooks", "metrics", "index_metrics")}
        (self.directory / "secret").write_text(SECRET)
        listens = "".join(f'[{name}]\nlisten = "{self.address(name)}"\n' for name in ("rest", "grpc", "webhooks"))
        self.config.write_text(
            f"""
            data_dir = "data"
            [database]
            url = "{self.url}"
            {listens}
            [metrics]
            listen = "{self.address("metrics")}"
            index_listen = "{self.address("index_metrics")}"
            [[registries]]
            name = "prod"
            url = "http://127.0.0.1:9"
            hosts = ["registry.example.com"]
            webhook_secret_file = "secret"
            """
        )

    @property
    def config(self) -> Path:
        return self.directory / "regdex.toml"

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    async def start(self, *arguments: str | Path) -> Process:
        """Start `regdex` with these arguments and this installation's settings."""
        log = self.directory / f"{arguments[0]}.log"
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                REGDEX, *arguments, "--config", self.config, stdout=file, stderr=file, env=environment(),
                preexec_fn=_with_a_terminal,
            )  # fmt: skip
        return Process(process, log)

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[Process]:
        """Run `index` or `serve`: wait until it is ready, and stop it cleanly at the end."""
        process = await self.start(*arguments)
        try:
            await self.ready("metrics" if arguments[0] == "serve" else "index_metrics", process)
            yield process
        except BaseException:
            await process.kill()
            raise
        assert await process.stop() in (0, -signal.SIGKILL), process.said()[-4000:]

    async def ready(self, port: str, process: Process) -> None:
        """Wait until /readyz at `port` answers 200."""

        async def answers(session: aiohttp.ClientSession) -> bool:
            assert process.process.returncode is None, process.said()[-4000:]
            try:
                async with session.get(f"http://{self.address(port)}/readyz") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while not await answers(session):  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.05)

    async def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Run a command until it ends; return exit code, standard output and standard error."""
        process = await asyncio.create_subprocess_exec(
            REGDEX, *arguments, "--config", self.config, env=environment(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()

    async def deliver(self, *bodies: bytes) -> None:
        """Deliver webhooks of `prod` and check that they are accepted."""
        headers = {"Authorization": f"Bearer {SECRET}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for body in bodies:
                async with session.post(f"http://{self.address('webhooks')}/webhooks/prod", data=body) as response:
                    assert response.status == 202, await response.text()

    async def ask(self, path: str, *, key: str = "", **parameters: Any) -> Any:
        """Return the REST answer at a path below /api/v1."""
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"} if key else {}) as session,
            session.get(f"http://{self.address('rest')}/api/v1{path}", params=parameters) as response,
        ):
            assert response.status == 200, await response.text()
            return await response.json()

    async def is_built(self, db: Pool) -> bool:
        """Return whether the index on disk is the one named in the database, and nothing waits to be published."""
        index = TantivyIndex(self.directory / "data" / "search")
        try:
            state, found = await get_index_state(db), await index.fingerprint()
        finally:
            await index.close()
        return found is not None and found == state.fingerprint and not state.replaces and state.lag_seconds == 0

    async def document_count(self) -> int:
        """Return the number of documents in the index on disk."""
        index = TantivyIndex(self.directory / "data" / "search")
        try:
            return (await index.search(Query(text=""))).total
        finally:
            await index.close()

    async def names(self, words: str) -> list[str]:
        """Return repositories found in the index, or none while PostgreSQL answers instead."""
        answer = await self.ask("/search", q=words, page_size=100)
        return [] if answer["degraded"] else [hit["repository"] for hit in answer["hits"]]


async def until(check: Any, *, within: float = 60.0) -> None:
    """Wait until `await check()` is true."""
    async with asyncio.timeout(within):
        while not await check():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.05)
