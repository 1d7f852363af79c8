"""Asks the registry about each stored tag and manifest that a read did not find; only its 404 records a deletion.

Nothing is swept when more than a fifth and more than 100 of the stored tags would be deleted, or when the catalog is
empty: the registry is then more likely broken than emptied, and a person must request the sweep with `--force`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import ClassVar, TypeVar

from indexer.backfill.scanner import Scanner
from regdex.database import Pool
from regdex.errors import RegistryError
from regdex.store.queues import sweeps
from regdex.store.queues.backfills import Progress
from regdex.store.queues.sweeps import Judged, MissingTag, UntaggedManifest

GUARD_SHARE = 0.2
GUARD_TAGS = 100

Asked = TypeVar("Asked", MissingTag, UntaggedManifest)
Fail = Callable[[int, str, RegistryError], Awaitable[None]]


def refusal(judged: Judged, *, catalog_is_empty: bool) -> str:
    """Return why nothing may be swept; empty if the sweep may go on."""
    missing, known, left = judged
    if catalog_is_empty and known and left:
        return f"nothing was swept: the catalog is empty, but {known} tags are known; --force sweeps"
    if missing > GUARD_TAGS and missing > GUARD_SHARE * known:
        return f"nothing was swept: {missing} of {known} tags would vanish; --force sweeps"
    return ""


class Sweep:
    """Asks about missing tags and manifests. Calls `fail` once for each repository with a request that failed."""

    BATCH: ClassVar[int] = 200

    def __init__(self, scanner: Scanner, progress: Progress, fail: Fail) -> None:
        self._scanner = scanner
        self._progress = progress
        self._fail = fail

    async def ask_tags(self, tags: Sequence[MissingTag]) -> None:
        """Scan each tag as present or deleted."""
        await self._ask_all(tags, lambda tag: self._scanner.confirm_tag(tag.repository, tag.tag))

    async def ask_untagged(
        self, db: Pool, repository_ids: Sequence[int], *, seen_before: datetime, with_children: bool
    ) -> None:
        """Ask about the manifests of these repositories that `sweeps.list_untagged` finds."""
        after = (0, 0)
        while found := await sweeps.list_untagged(
            db, repository_ids, seen_before=seen_before, with_children=with_children, after=after, limit=self.BATCH
        ):
            await self._ask_all(found, lambda held: self._scanner.read_manifest(held.repository, held.digest))
            after = found[-1].repository_id, found[-1].digest_id
            await self._scanner.flush_if_many()

    async def _ask_all(self, asked: Sequence[Asked], ask: Callable[[Asked], Awaitable[bool]]) -> None:
        failed: dict[int, tuple[str, RegistryError]] = {}

        async def one(item: Asked) -> None:
            try:
                if not await ask(item):
                    self._progress.swept_count += 1
            except RegistryError as error:
                self._progress.error_count += 1
                failed.setdefault(item.repository_id, (item.repository, error))

        async with asyncio.TaskGroup() as group:
            for item in asked:
                group.create_task(one(item))
        for repository_id, (repository, error) in failed.items():
            await self._fail(repository_id, repository, error)
