"""A Meilisearch as its vendor leaves it: started here where the program is found, asked over plain HTTP."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from regdex.search import Document

BATCH = 10_000


class BareMeilisearch:
    """One index of the server at `url`, with default settings; `key` is empty where the server asks for none."""

    def __init__(self, url: str, key: str, session: aiohttp.ClientSession, uid: str = "bare") -> None:
        self.url = url
        self.key = key
        self.uid = uid
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._session = session

    def on(self, uid: str) -> "BareMeilisearch":
        """Another index of the same server."""
        return BareMeilisearch(self.url, self.key, self._session, uid)

    async def load(self, documents: Iterable[Document]) -> None:
        """Every text of a document as a plain field; returns when all can be searched."""
        await self.load_made(map(plain, documents))

    async def load_made(self, documents: Iterable[dict[str, Any]], settings: Any = None) -> None:
        """Documents as they are to be sent, with settings other than the vendor's where there are `settings`."""
        if settings is not None:
            await self._wait((await self.ask("PATCH", f"/indexes/{self.uid}/settings", settings))["taskUid"])
        left = iter(documents)
        task = 0
        while batch := list(islice(left, BATCH)):
            task = await self._send(batch)
        await self._wait(task)

    async def make_filterable(self, *fields: str) -> None:
        """So that filters, facets and an order can be asked for at all; everything is indexed again."""
        task: int = (
            await self.ask(
                "PATCH",
                f"/indexes/{self.uid}/settings",
                {"filterableAttributes": fields, "sortableAttributes": ["name"]},
            )
        )["taskUid"]
        await self._wait(task)

    async def search(self, text: str, **parameters: Any) -> list[str]:
        """Names of the first 20, as judged answers name them."""
        answer = await self.ask("POST", f"/indexes/{self.uid}/search", {"q": text, "limit": 20, **parameters})
        return [hit["short_name"] for hit in answer["hits"]]

    async def ask(self, method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else orjson.dumps(content)
        headers = {"Content-Type": "application/json", **self.headers}
        async with self._session.request(method, self.url + path, data=body, headers=headers) as response:
            answer = orjson.loads(await response.read())
            if response.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer}")
            return answer

    async def used_bytes(self) -> int:
        """What all indexes take, without the room that is free in their files."""
        return int((await self.ask("GET", "/stats"))["usedDatabaseSize"])

    async def drop(self) -> None:
        task: int = (await self.ask("DELETE", f"/indexes/{self.uid}"))["taskUid"]
        await self._wait(task)

    async def _send(self, documents: Sequence[dict[str, Any]]) -> int:
        task: int = (await self.ask("POST", f"/indexes/{self.uid}/documents?primaryKey=id", documents))["taskUid"]
        return task

    async def _wait(self, task: int) -> None:
        state: dict[str, Any] = {"status": "enqueued"}
        while state["status"] in ("enqueued", "processing"):
            await asyncio.sleep(0.05)
            state = await self.ask("GET", f"/tasks/{task}")
        if state["status"] != "succeeded":
            raise RuntimeError(f"task {task}: {state['error']}")


def plain(document: Document) -> dict[str, Any]:
    """What somebody would send who has read one page of its documentation."""
    name = document.repository
    return {
        "id": document.id,
        "name": name,
        "title": document.title,
        "description": document.description,
        "labels": document.labels,
        "tags": document.tags,
        "registry": document.registry,
        "project": document.project,
        "platforms": document.platforms,
        "downloads_30d": document.downloads_30d,
        "short_name": name if document.registry == "prod" else f"{document.registry}:{name}",
    }


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[BareMeilisearch | None]:
    """The server that tests use, else one of its own for as long as the context lasts; None where there is neither."""
    url, key = os.environ.get("REGDEX_TEST_MEILISEARCH_URL", ""), os.environ.get("REGDEX_TEST_MEILISEARCH_KEY", "")
    async with aiohttp.ClientSession() as session:
        if url:
            yield BareMeilisearch(url.rstrip("/"), key, session)
            return
        program = shutil.which("meilisearch")
        if program is None:
            yield None
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        with (folder / "meilisearch.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                program, "--db-path", folder / "data.ms", "--dump-dir", folder, "--snapshot-dir", folder,
                "--http-addr", address, "--no-analytics", "--log-level", "ERROR", cwd=folder, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            server = BareMeilisearch(f"http://{address}", "", session)
            await _answering(server)
            yield server
        finally:
            process.terminate()
            await process.wait()


async def _answering(server: BareMeilisearch) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await server.ask("GET", "/health")
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.05)
            else:
                return
