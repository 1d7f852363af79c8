"""A demo registry that can be made to misbehave, the backfill against it, and what the registry itself would answer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
import orjson
from aiohttp import web

from cli.demo.content import Content, Repository
from cli.demo.notifications import Notifications
from cli.demo.server import application
from cli.demo.story import ACCEPT
from indexer.backfill.runner import BackfillRunner
from indexer.registration import register
from indexer.registry import egress
from indexer.registry.client import Limits, RegistryClient
from indexer.wakeups import Wakeups
from regdex.database import Pool
from regdex.settings import Registry
from regdex.store.queues import backfills

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
CADENCE_SECONDS = 3600
FAST = Limits(http=egress.Limits(), backoff_seconds=0.01, breaker_seconds=0.05)


async def no_fault(_: web.Request) -> None:
    return None


@dataclass
class Stage:
    """`fault` may answer a request in the registry's stead; `requests` counts them by method and kind.

    `listed` are the repositories whose tags were asked for.
    """

    content: Content
    url: str = ""
    fault: Fault = no_fault
    requests: Counter[str] = field(default_factory=Counter)
    listed: set[str] = field(default_factory=set)

    @web.middleware
    async def front(self, request: web.Request, handler: Any) -> web.StreamResponse:
        kinds = ("_catalog", "tags", "referrers", "manifests", "blobs")
        kind = next((kind for kind in kinds if f"/{kind}" in request.path), "v2")
        self.requests[f"{request.method} {kind}"] += 1
        if kind == "tags":
            self.listed.add(request.match_info["name"])
        answer: web.StreamResponse = await self.fault(request) or await handler(request)
        return answer

    def settings(self, **more: Any) -> Registry:
        return Registry(name="prod", url=self.url, **more)


@asynccontextmanager
async def staged(content: Content) -> AsyncIterator[Stage]:
    stage = Stage(content)
    app = application(content, Notifications("", ""))
    app.middlewares.append(stage.front)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stage.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stage
    finally:
        await runner.cleanup()


async def add_registry(db: Pool, registry: Registry) -> int:
    async with db.acquire() as conn, conn.transaction():
        return (await register(conn, [registry]))[registry.name]


@asynccontextmanager
async def backfilling(
    db: Pool, registry: Registry, limits: Limits = FAST, *, left_seconds: float = CADENCE_SECONDS
) -> AsyncIterator[RegistryClient]:
    """An indexer that does nothing but backfills."""
    wakeups = Wakeups(db)
    async with RegistryClient(registry, limits) as client:
        runner = BackfillRunner(db, {registry.name: client}, [registry], wakeups, left_seconds=left_seconds)
        tasks = [asyncio.create_task(runner.run()), asyncio.create_task(wakeups.run())]
        try:
            yield client
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task


async def ended(db: Pool, run_id: int, *, seconds: float = 60) -> asyncpg.Record:
    """The run, once it has ended."""
    async with asyncio.timeout(seconds):
        while True:
            run = await backfills.get_backfill(db, run_id)
            assert run is not None
            if run["state"] not in ("waiting", "running"):
                return run
            await asyncio.sleep(0.02)


async def repositories_read(db: Pool, run_id: int, *, at_least: int) -> None:
    """Wait until the cursor of the run is past so many repositories."""
    async with asyncio.timeout(60):
        while True:
            cursor = await db.fetchval("SELECT cursor FROM backfill WHERE id = $1", run_id)
            if cursor.get("counts", {}).get("repository_count", 0) >= at_least:
                return
            await asyncio.sleep(0.01)


async def questions_answered(db: Pool) -> None:
    """Make the questions about whole repositories due, and wait until none is left."""
    await db.execute("UPDATE question SET next_attempt_at = now() WHERE reference = ''")
    async with asyncio.timeout(30):
        while True:
            if not await db.fetchval("SELECT count(*) FROM question WHERE reference = ''"):
                return
            await asyncio.sleep(0.05)


async def pass_time(db: Pool, *, seconds: float = CADENCE_SECONDS) -> None:
    """Make repositories that left the catalog have done so earlier."""
    await db.execute("UPDATE vanishing SET since = since - make_interval(secs => $1)", seconds)


async def backfill(db: Pool, registry: Registry, *, force: bool = False) -> asyncpg.Record:
    """Ask for a run, and run it to its end."""
    registry_id = await add_registry(db, registry)
    asked = await backfills.request_backfill(db, registry_id, force=force)
    async with backfilling(db, registry):
        return await ended(db, asked["id"])


async def recorded_tags(db: Pool) -> dict[tuple[str, str], str]:
    """(repository, tag) → digest, as the catalog has it."""
    rows = await db.fetch(
        """
        SELECT repository.name, tag.tag, digest_text(digest.algorithm, digest.hash) AS digest
          FROM tag
          JOIN repository ON repository.id = tag.repository_id
          JOIN digest ON digest.id = tag.digest_id
        """
    )
    return {(row["name"], row["tag"]): row["digest"] for row in rows}


async def recorded_manifests(db: Pool) -> set[tuple[str, str]]:
    """(repository, digest) of manifests that are present, as the catalog has it."""
    rows = await db.fetch(
        """
        SELECT repository.name, digest_text(digest.algorithm, digest.hash) AS digest
          FROM repository_manifest AS held
          JOIN repository ON repository.id = held.repository_id
          JOIN digest ON digest.id = held.digest_id
         WHERE held.present
        """
    )
    return {(row["name"], row["digest"]) for row in rows}


async def open_gaps(db: Pool) -> set[tuple[str, str, str]]:
    """(repository, or empty for the registry, subject, reason) of what may be missing now; pulls left out."""
    rows = await db.fetch(
        """
        SELECT coalesce(repository.name, '') AS repository, gap.subject, gap.reason
          FROM gap
          LEFT JOIN repository ON repository.id = gap.repository_id
         WHERE gap.until IS NULL AND gap.subject <> 'pulls'
        """
    )
    return {(row["repository"], row["subject"], row["reason"]) for row in rows}


async def is_complete(db: Pool, repository: str | None, *, subjects: tuple[str, ...] = ("moves", "deletes")) -> bool:
    """Whether nothing is known to be missing now of a repository, or of what is true of the registry as a whole."""
    found: bool = await db.fetchval(
        """
        SELECT is_complete(registry, repository.id, NULL, $2::text[], clock_timestamp(), clock_timestamp())
          FROM registry
          LEFT JOIN repository ON repository.registry_id = registry.id AND repository.name = $1
        """,
        repository,
        list(subjects),
    )
    return found


def some_of(content: Content, *prefixes: str) -> Content:
    """The content without repositories whose names begin otherwise."""
    for name in list(content.repositories):
        if not name.startswith(prefixes):
            del content.repositories[name]
    return content


def held_tags(content: Content) -> dict[tuple[str, str], str]:
    return {
        (name, tag): digest
        for name, repository in content.repositories.items()
        for tag, digest in repository.tags.items()
    }


def held_manifests(content: Content) -> set[tuple[str, str]]:
    """Those that a tag leads to: itself, the children of an index, the referrers of what is tagged."""
    return {(name, digest) for name, repository in content.repositories.items() for digest in _reachable(repository)}


def _reachable(repository: Repository) -> set[str]:
    found = set(repository.tags.values())
    found |= {digest for digest, manifest in repository.manifests.items() if manifest.subject in found}
    for digest in list(found):
        found |= {child["digest"] for child in orjson.loads(repository.manifests[digest].body).get("manifests", ())}
    return found & set(repository.manifests)


async def answered(url: str) -> tuple[dict[tuple[str, str], str], set[tuple[str, str]]]:
    """The tags, and the manifests they lead to, by the answers of a real registry."""
    tags: dict[tuple[str, str], str] = {}
    manifests: set[tuple[str, str]] = set()
    async with aiohttp.ClientSession(url, headers={"Accept": ACCEPT}) as http:
        async with http.get("/v2/_catalog?n=1000") as response:
            names = (await response.json())["repositories"]
        for name in names:
            async with http.get(f"/v2/{name}/tags/list") as response:
                listed = (await response.json()).get("tags") if response.status == 200 else None
            for tag in listed or ():
                async with http.get(f"/v2/{name}/manifests/{tag}") as response:
                    digest = response.headers["Docker-Content-Digest"]
                    children = orjson.loads(await response.read()).get("manifests", ())
                tags[name, tag] = digest
                manifests |= {(name, digest), *((name, child["digest"]) for child in children)}
    return tags, manifests
