"""Requests stored manifests from their registries again, and compares the parsed bytes with the rows.

A row that differs is replaced. Where every registry that has the manifest sends bytes with another digest, its content
is unknown and its row becomes `rejected`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

from indexer import manifest
from indexer.fetching.contents import intern_contents, refresh_above, refresh_holders, refused, rows_of
from indexer.manifest import Content, Rejected
from indexer.registry.client import RegistryClient
from regdex.database import Pool
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.store.content import manifests, rows
from regdex.store.content.rows import ContentRows

PAGE = 200
CONCURRENCY = 8
MAX_HOLDERS = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A manifest with wrong rows; `fields` are the names of the columns and tables that differed."""

    digest: Digest
    fields: tuple[str, ...]


@dataclass(slots=True)
class Verified:
    """The result of a verification. `unread` counts, by problem, manifests that no registry sent; their rows stay."""

    asked: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)


async def verify_content(db: Pool, clients: Mapping[int, RegistryClient], *, sample: int | None = None) -> Verified:
    """Verify `sample` random manifests, or all, of the registries in `clients` (by id); repair rows that differ."""
    verified = Verified()
    async for page in _pages(db, list(clients), sample):
        waiting = iter(page)
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(_verify_each(db, clients, waiting, verified))
    return verified


async def _pages(db: Pool, registry_ids: list[int], sample: int | None) -> AsyncIterator[list[tuple[int, Digest]]]:
    if sample is not None:
        yield await manifests.sample_read(db, registry_ids, limit=sample)
        return
    last = 0
    while page := await manifests.list_read(db, registry_ids, after=last, limit=PAGE):
        yield page
        last = page[-1][0]


async def _verify_each(
    db: Pool, clients: Mapping[int, RegistryClient], waiting: Iterator[tuple[int, Digest]], verified: Verified
) -> None:
    for digest_id, digest in waiting:
        try:
            content = await _read_again(db, clients, digest_id, digest)
        except RegistryError as error:
            verified.unread[error.problem] += 1
            continue
        verified.asked += 1
        if fields := await _compare(db, content):
            verified.differences.append(Difference(digest, fields))


async def _read_again(db: Pool, clients: Mapping[int, RegistryClient], digest_id: int, digest: Digest) -> Content:
    """Return the content from the first registry that sends the manifest; RegistryError where none does."""
    holders = await manifests.list_holders(db, digest_id, list(clients), limit=MAX_HOLDERS)
    failed: RegistryError | None = None
    for registry_id, repository in holders:
        try:
            return await _read(clients[registry_id], repository, digest)
        except RegistryError as error:
            if failed is None or error.problem != "digest_mismatch":
                failed = error
    if failed is None:
        raise RegistryError("not_found")  # deleted meanwhile
    if failed.problem == "digest_mismatch" and len(holders) < MAX_HOLDERS:
        return refused(digest, failed.problem)
    raise failed


async def _read(client: RegistryClient, repository: str, digest: Digest) -> Content:
    """Read and parse a manifest; RegistryError where it or its config cannot be read."""
    fetched = await client.get_manifest(repository, str(digest))
    try:
        parsed = manifest.parse_manifest(fetched.content, digest)
    except Rejected as error:
        return refused(digest, error.problem)
    config = parsed.config
    if config is None or not parsed.wants_config:
        return parsed
    if config.size_bytes > manifest.MAX_CONFIG_BYTES:
        return manifest.without_config(parsed, "config_too_large")
    try:
        body = await client.get_blob(repository, config.digest, max_bytes=config.size_bytes)
    except RegistryError as error:
        raise RegistryError("config_unread", f"its config: {error.problem}") from error
    return manifest.with_config(parsed, body)


async def _compare(db: Pool, content: Content) -> tuple[str, ...]:
    """Replace the rows if they differ from `content`; return the names of the columns and tables that differ."""
    async with db.acquire() as conn, conn.transaction():
        ids = await intern_contents(conn, [content])
        digest_id = ids[content.digest]
        stored, true = await rows.read_content(conn, digest_id), rows_of(content, ids)
        fields = _differing(stored, true) if stored is not None else ("manifest",)
        if fields:
            await rows.put_contents(conn, [true], replaced=[digest_id])
            await rows.recount(conn, digest_id)
        if fields or content.is_index:
            await refresh_above(conn, [digest_id])
    if fields:
        async with db.acquire() as conn, conn.transaction():
            repository_ids = await manifests.list_repositories_of(conn, digest_id)
            await refresh_holders(conn, [(id, digest_id) for id in repository_ids])
    return fields


def _differing(stored: ContentRows, true: ContentRows) -> tuple[str, ...]:
    """Return the names of differing columns and tables, except columns that an index derives from its children."""
    derived = {"total_size_bytes", "platforms", "created_at"} if true.manifest.is_index else set()
    fields = [
        name
        for name, before, now in zip(true.manifest._fields, stored.manifest, true.manifest, strict=True)
        if before != now and name not in derived
    ]
    fields += ["layers"] if stored.layers != true.layers else []
    fields += ["manifests"] if stored.children != true.children else []
    return tuple(fields)
