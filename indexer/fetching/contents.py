"""Writes parsed content to the catalog, in one short transaction without HTTP requests.

The stored content of a digest comes only from its own bytes. The state `rejected` comes from the answer of one
registry: it never replaces content, and content always replaces it.
"""

from collections.abc import Mapping, Sequence

from indexer.manifest import Content
from regdex.database import Connection, Pool
from regdex.digest import Digest
from regdex.store.catalog.names import lock_repositories
from regdex.store.catalog.sorting import refresh_tags
from regdex.store.content import indexes, manifests, rows, sizes
from regdex.store.content.digests import intern_digests
from regdex.store.content.rows import ChildRow, ContentRows, LayerRow, ManifestRow
from regdex.store.content.summaries import refresh_repositories
from regdex.store.queues import outbox

_RANK = {"rejected": 0, "incomplete": 1, "unsupported": 2, "complete": 2}


def refused(digest: Digest, problem: str) -> Content:
    """Return the content to store for a digest whose bytes a registry did not send, or sent wrongly."""
    return Content(digest=digest, media_type="", size_bytes=0, state="rejected", problem=problem)


async def write_contents(db: Pool, contents: Sequence[Content]) -> None:
    """Store the `contents` that are more complete than the stored ones; storing equal content again has no effect."""
    async with db.acquire() as conn, conn.transaction():
        ids = await intern_contents(conn, contents)
        own = {ids[content.digest]: content for content in contents}
        states = await manifests.list_states(conn, list(own))
        news = {id: content for id, content in own.items() if _replaces(content.state, states.get(id))}
        if news:
            await manifests.lock_repositories_of(conn, list(news))
            found = [rows_of(content, ids) for content in news.values()]
            await rows.put_contents(conn, found, replaced=[id for id in news if id in states])
            await refresh_above(conn, list(news))


async def intern_contents(conn: Connection, contents: Sequence[Content]) -> dict[Digest, int]:
    """Return ids of all digests that `contents` name; lock manifests and their children for the transaction."""
    ids = await intern_digests(conn, {digest for content in contents for digest in _named(content)})
    children = [ids[child.digest] for content in contents for child in content.children]
    await manifests.lock_content(conn, [*(ids[content.digest] for content in contents), *children])
    return ids


async def refresh_above(conn: Connection, digest_ids: Sequence[int]) -> None:
    """Compute again the columns that indexes up to three levels above derive from these manifests."""
    changed = list(digest_ids)
    for _ in range(indexes.MAX_DEPTH):
        above = await indexes.list_indexes_above(conn, changed)
        changed = await indexes.refresh_indexes(conn, above) if above else []
        if not changed:
            break


async def refresh_holders(conn: Connection, held: Sequence[tuple[int, int]]) -> None:
    """Compute again the columns that repositories derive from changed manifests, and queue their search documents.

    `held` are pairs of repository id and digest id.
    """
    repository_ids = sorted({repository_id for repository_id, _ in held})
    await lock_repositories(conn, repository_ids)
    await indexes.refresh_partial_indexes(conn, [(*one, False) for one in held])
    await refresh_tags(conn, held)
    await refresh_repositories(conn, repository_ids)
    await sizes.mark_unsized(conn, repository_ids)
    await outbox.enqueue(conn, repository_ids)


def _replaces(new: str, old: str | None) -> bool:
    return old is None or _RANK[new] > _RANK[old] or new == old == "incomplete"


def _named(content: Content) -> list[Digest]:
    """Return all digests that a manifest names, including its own."""
    optional = [content.subject, content.config.digest if content.config else None]
    optional += [id for layer in content.layers for id in (layer.digest, layer.diff_id, layer.chain_id)]
    return [content.digest, *(child.digest for child in content.children), *(id for id in optional if id is not None)]


def rows_of(content: Content, ids: Mapping[Digest, int]) -> ContentRows:
    """Return the rows that store `content`; `ids` are from `intern_contents`."""
    id = ids[content.digest]
    layers = [
        LayerRow(
            digest_id=id,
            position=position,
            layer_digest_id=ids[layer.digest],
            diff_digest_id=ids[layer.diff_id] if layer.diff_id else None,
            chain_digest_id=ids[layer.chain_id] if layer.chain_id else None,
            size_bytes=layer.size_bytes,
            media_type=layer.media_type,
        )
        for position, layer in enumerate(content.layers)
    ]
    children = [
        ChildRow(
            digest_id=id,
            position=position,
            child_digest_id=ids[child.digest],
            size_bytes=child.size_bytes,
            media_type=child.media_type,
            artifact_type=child.artifact_type,
            os=child.platform.os,
            architecture=child.platform.architecture,
            variant=child.platform.variant,
            os_version=child.platform.os_version,
            annotations=child.annotations,
        )
        for position, child in enumerate(content.children)
    ]
    return ContentRows(_manifest_row(content, ids), layers, children)


def _manifest_row(content: Content, ids: Mapping[Digest, int]) -> ManifestRow:
    config, platform = content.config, content.platform
    return ManifestRow(
        digest_id=ids[content.digest],
        state=content.state,
        problem=content.problem,
        truncated=content.truncated,
        media_type=content.media_type,
        artifact_type=content.artifact_type,
        is_index=content.is_index,
        size_bytes=content.size_bytes,
        total_size_bytes=content.total_size_bytes,
        config_digest_id=ids[config.digest] if config else None,
        config_media_type=config.media_type if config else "",
        config_size_bytes=config.size_bytes if config else 0,
        subject_digest_id=ids[content.subject] if content.subject else None,
        os=platform.os,
        architecture=platform.architecture,
        variant=platform.variant,
        os_version=platform.os_version,
        platforms=[str(platform)] if str(platform) else [],
        created_at=content.created_at,
        labels=content.labels,
        annotations=content.annotations,
        history=list(content.history),
    )
