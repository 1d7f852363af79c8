"""Writes parsed content to the catalog: one short transaction, no HTTP inside.

What is stored of a digest is only ever what its own bytes say. A refusal ("rejected") is what one registry answered: it
never replaces content, and content always replaces it.
"""

from collections.abc import Sequence
from typing import Any

from indexer.manifest import Content
from regdex.database import Pool
from regdex.digest import Digest
from regdex.store.content import manifests
from regdex.store.content.digests import intern_digests

_RANK = {"rejected": 0, "incomplete": 1, "unsupported": 2, "complete": 2}


def refused(digest: Digest, problem: str) -> Content:
    """What is stored of a digest whose bytes a registry did not, or not properly, give."""
    return Content(digest=digest, media_type="", size_bytes=0, state="rejected", problem=problem)


async def write_contents(db: Pool, contents: Sequence[Content]) -> None:
    """Store `contents` as far as they are news; equal ones written twice are written once."""
    async with db.acquire() as conn, conn.transaction():
        ids = await intern_digests(conn, {digest for content in contents for digest in _named(content)})
        own = {ids[content.digest]: content for content in contents}
        children = [ids[child.digest] for content in contents for child in content.children]
        await manifests.lock_content(conn, [*own, *children])
        states = await manifests.list_states(conn, list(own))
        news = {id: content for id, content in own.items() if _replaces(content.state, states.get(id))}
        if not news:
            return
        await manifests.lock_repositories_of(conn, list(news))
        if again := [id for id in news if id in states]:
            await manifests.delete_parts(conn, again)
        await manifests.put_manifests(conn, [_manifest_row(id, content, ids) for id, content in news.items()])
        layers = [row for id, content in news.items() for row in _layer_rows(id, content, ids)]
        if layers:
            await manifests.add_layers(conn, layers)
        entries = [row for id, content in news.items() for row in _child_rows(id, content, ids)]
        if entries:
            await manifests.add_children(conn, entries)
        changed = list(news)
        for _ in range(3):
            indexes = await manifests.list_indexes_above(conn, changed)
            changed = await manifests.refresh_indexes(conn, indexes) if indexes else []
            if not changed:
                break


def _replaces(new: str, old: str | None) -> bool:
    return old is None or _RANK[new] > _RANK[old] or new == old == "incomplete"


def _named(content: Content) -> list[Digest]:
    """All digests that a manifest names."""
    optional = [content.subject, content.config.digest if content.config else None]
    optional += [id for layer in content.layers for id in (layer.digest, layer.diff_id, layer.chain_id)]
    return [content.digest, *(child.digest for child in content.children), *(id for id in optional if id is not None)]


def _manifest_row(id: int, content: Content, ids: dict[Digest, int]) -> tuple[Any, ...]:
    config, platform = content.config, content.platform
    return (
        id,
        content.state,
        content.problem,
        content.truncated,
        content.media_type,
        content.artifact_type,
        content.is_index,
        content.size_bytes,
        content.total_size_bytes,
        ids[config.digest] if config else None,
        config.media_type if config else "",
        config.size_bytes if config else 0,
        ids[content.subject] if content.subject else None,
        platform.os,
        platform.architecture,
        platform.variant,
        platform.os_version,
        [str(platform)] if str(platform) else [],
        content.created_at,
        content.labels,
        content.annotations,
        content.history,
    )


def _layer_rows(id: int, content: Content, ids: dict[Digest, int]) -> list[tuple[Any, ...]]:
    return [
        (
            id,
            position,
            ids[layer.digest],
            ids[layer.diff_id] if layer.diff_id else None,
            ids[layer.chain_id] if layer.chain_id else None,
            layer.size_bytes,
            layer.media_type,
        )
        for position, layer in enumerate(content.layers)
    ]


def _child_rows(id: int, content: Content, ids: dict[Digest, int]) -> list[tuple[Any, ...]]:
    return [
        (
            id,
            position,
            ids[child.digest],
            child.size_bytes,
            child.media_type,
            child.artifact_type,
            child.platform.os,
            child.platform.architecture,
            child.platform.variant,
            child.platform.os_version,
            child.annotations,
        )
        for position, child in enumerate(content.children)
    ]
