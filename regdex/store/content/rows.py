"""SQL that writes and reads content: manifests, layers, and entries of indexes, stored once per digest."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from regdex.database import Connection


class ManifestRow(NamedTuple):
    """A row of the table `manifest`, without columns derived from other rows."""

    digest_id: int
    state: str
    problem: str
    truncated: bool
    media_type: str
    artifact_type: str
    is_index: bool
    size_bytes: int
    total_size_bytes: int
    config_digest_id: int | None
    config_media_type: str
    config_size_bytes: int
    subject_digest_id: int | None
    os: str
    architecture: str
    variant: str
    os_version: str
    platforms: Sequence[str]
    created_at: datetime | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    history: Sequence[Mapping[str, Any]]


class LayerRow(NamedTuple):
    """A row of the table `manifest_layer`."""

    digest_id: int
    position: int
    layer_digest_id: int
    diff_digest_id: int | None
    chain_digest_id: int | None
    size_bytes: int
    media_type: str


class ChildRow(NamedTuple):
    """A row of the table `manifest_child`."""

    digest_id: int
    position: int
    child_digest_id: int
    size_bytes: int
    media_type: str
    artifact_type: str
    os: str
    architecture: str
    variant: str
    os_version: str
    annotations: Mapping[str, str]


class ContentRows(NamedTuple):
    """All rows of one digest."""

    manifest: ManifestRow
    layers: list[LayerRow]
    children: list[ChildRow]


async def put_contents(conn: Connection, contents: Sequence[ContentRows], *, replaced: Sequence[int] = ()) -> None:
    """Write content; `replaced` are ids of digests among it that already have rows."""
    if replaced:
        await conn.execute("DELETE FROM manifest_layer WHERE digest_id = ANY ($1::bigint[])", replaced)
        await conn.execute("DELETE FROM manifest_child WHERE digest_id = ANY ($1::bigint[])", replaced)
    await _put_manifests(conn, [content.manifest for content in contents])
    if layers := [layer for content in contents for layer in content.layers]:
        await _add_layers(conn, layers)
    if children := [child for content in contents for child in content.children]:
        await _add_children(conn, children)


async def _put_manifests(conn: Connection, rows: Sequence[ManifestRow]) -> None:
    await conn.executemany(
        """
        INSERT INTO manifest (digest_id, state, problem, truncated, media_type, artifact_type, is_index, size_bytes,
                              total_size_bytes, config_digest_id, config_media_type, config_size_bytes,
                              subject_digest_id, os, architecture, variant, os_version, platforms, created_at,
                              labels, annotations, history)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
            ON CONFLICT (digest_id) DO UPDATE
           SET state = excluded.state, problem = excluded.problem, truncated = excluded.truncated,
               media_type = excluded.media_type, artifact_type = excluded.artifact_type,
               is_index = excluded.is_index, size_bytes = excluded.size_bytes,
               total_size_bytes = excluded.total_size_bytes, config_digest_id = excluded.config_digest_id,
               config_media_type = excluded.config_media_type, config_size_bytes = excluded.config_size_bytes,
               subject_digest_id = excluded.subject_digest_id, os = excluded.os,
               architecture = excluded.architecture, variant = excluded.variant, os_version = excluded.os_version,
               platforms = excluded.platforms, created_at = excluded.created_at, labels = excluded.labels,
               annotations = excluded.annotations, history = excluded.history, fetched_at = now()
        """,
        rows,
    )


async def _add_layers(conn: Connection, rows: Sequence[LayerRow]) -> None:
    await conn.execute(
        """
        INSERT INTO manifest_layer (digest_id, position, layer_digest_id, diff_digest_id, chain_digest_id, size_bytes,
                                    media_type)
        SELECT digest_id, position, layer_digest_id, diff_digest_id, chain_digest_id, size_bytes, media_type
          FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
            AS layer (digest_id, position, layer_digest_id, diff_digest_id, chain_digest_id, size_bytes, media_type)
        """,
        *zip(*rows, strict=True),
    )


async def _add_children(conn: Connection, rows: Sequence[ChildRow]) -> None:
    await conn.executemany(
        """
        INSERT INTO manifest_child (digest_id, position, child_digest_id, size_bytes, media_type, artifact_type, os,
                                    architecture, variant, os_version, annotations)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        rows,
    )


async def read_content(conn: Connection, digest_id: int) -> ContentRows | None:
    """Return the stored content of a digest; None if there is none."""
    manifest = await conn.fetchrow(
        """
        SELECT digest_id, state, problem, truncated, media_type, artifact_type, is_index, size_bytes, total_size_bytes,
               config_digest_id, config_media_type, config_size_bytes, subject_digest_id, os, architecture, variant,
               os_version, platforms, created_at, labels, annotations, history
          FROM manifest
         WHERE digest_id = $1
        """,
        digest_id,
    )
    layers = await conn.fetch(
        """
        SELECT digest_id, position, layer_digest_id, diff_digest_id, chain_digest_id, size_bytes, media_type
          FROM manifest_layer
         WHERE digest_id = $1
         ORDER BY position
        """,
        digest_id,
    )
    children = await conn.fetch(
        """
        SELECT digest_id, position, child_digest_id, size_bytes, media_type, artifact_type, os, architecture, variant,
               os_version, annotations
          FROM manifest_child
         WHERE digest_id = $1
         ORDER BY position
        """,
        digest_id,
    )
    if manifest is None:
        return None
    return ContentRows(
        ManifestRow(**manifest), [LayerRow(**row) for row in layers], [ChildRow(**row) for row in children]
    )


async def recount(conn: Connection, digest_id: int) -> None:
    """Mark a digest so that its downloads are derived again, because its content was replaced."""
    await conn.execute("UPDATE manifest SET counted = false WHERE digest_id = $1 AND counted", digest_id)
