"""What a full read did not find: asked for one by one, and recorded as gone only where the registry says so.

Nothing is swept when more than a fifth and more than 100 of the known tags would vanish, or the catalog is empty:
that is a broken registry more often than a tidy one, and wants a person's `--force`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from indexer.backfill.scanner import Scanner
from indexer.backfill.selection import Selection
from regdex.database import Database, Pool
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.store.queues import backfills, sweeps
from regdex.store.queues.backfills import Progress

BATCH = 200
GUARD_SHARE = 0.2
GUARD_TAGS = 100

Save = Callable[[Database, dict[str, Any]], Awaitable[None]]


class Sweep:
    """Of one run. `problems` are what could not be asked; the run is partial then."""

    def __init__(
        self, db: Pool, scanner: Scanner, selection: Selection, progress: Progress, registry_id: int, run_id: int
    ) -> None:
        self._db = db
        self._scanner = scanner
        self._selection = selection
        self._progress = progress
        self._registry_id = registry_id
        self._run_id = run_id
        self.problems: list[tuple[str, RegistryError]] = []

    async def prepare(self) -> str:
        """Note the tags of repositories that left the catalog. Returns why nothing may be swept; empty: go on."""
        unlisted = await sweeps.list_unlisted_repositories(self._db, self._run_id, self._registry_id)
        wanted = [row["id"] for row in unlisted if self._selection.wants(row["name"])]
        async with self._db.acquire() as conn:
            await sweeps.add_missing_repositories(conn, self._run_id, wanted)
        missing, known = await sweeps.count_missing(self._db, self._run_id, self._registry_id)
        if not missing or await backfills.is_forced(self._db, self._run_id):
            return ""
        if self._progress.repository_total == 0:
            return f"nothing was swept: the catalog is empty, but {known} tags are known; --force sweeps"
        if missing > GUARD_TAGS and missing > GUARD_SHARE * known:
            return f"nothing was swept: {missing} of {known} tags would vanish; --force sweeps"
        return ""

    async def run(self, at: dict[str, Any], save: Save, *, is_deep: bool) -> None:
        """Ask and record, batch by batch, from where `at` says; `save` keeps that with each batch.

        First for tags; then for manifests that no tag leads to, of repositories that lack a tag, or of all.
        """
        while "digest_id" not in at:
            after = (at.get("repository_id", 0), at.get("tag", ""))
            rows = await sweeps.list_missing(self._db, self._run_id, after=after, limit=BATCH)
            await self._ask_all(self._ask_tag, rows)
            at = {"repository_id": rows[-1]["repository_id"], "tag": rows[-1]["tag"]} if rows else {"digest_id": 0}
            async with self._scanner.recorded() as conn:
                await save(conn, at)
        while rows := await sweeps.list_untagged(
            self._db,
            self._run_id,
            self._registry_id,
            everywhere=is_deep,
            after=(at.get("repository_id", 0), at["digest_id"]),
            limit=BATCH,
        ):
            await self._ask_all(self._ask_manifest, [row for row in rows if self._selection.wants(row["repository"])])
            at = {"repository_id": rows[-1]["repository_id"], "digest_id": rows[-1]["digest_id"]}
            async with self._scanner.recorded() as conn:
                await save(conn, at)

    async def _ask_all(self, ask: Callable[[asyncpg.Record], Awaitable[bool]], rows: Sequence[asyncpg.Record]) -> None:
        async def one(row: asyncpg.Record) -> None:
            try:
                if not await ask(row):
                    self._progress.swept_count += 1
            except RegistryError as error:
                self._progress.error_count += 1
                self.problems.append((row["repository"], error))

        async with asyncio.TaskGroup() as group:
            for row in rows:
                group.create_task(one(row))

    async def _ask_tag(self, row: asyncpg.Record) -> bool:
        return await self._scanner.confirm_tag(row["repository"], row["tag"])

    async def _ask_manifest(self, row: asyncpg.Record) -> bool:
        return await self._scanner.read_manifest(row["repository"], Digest(row["algorithm"], row["hash"]))
