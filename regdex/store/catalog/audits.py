"""SQL of audits: random samples of tags, manifests and deleted tags to check with the registry, and the results."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from regdex.database import Connection, Database
from regdex.digest import Digest, is_digest


class Believed(NamedTuple):
    """The digest of a tag or manifest according to the catalog; `digest` is None if the catalog has it as gone.

    `seen_at` is when this was last confirmed. `is_declared`: a gap is open for it, so answers about it already say that
    they may be incomplete.
    """

    repository_id: int
    repository: str
    reference: str
    digest: Digest | None
    seen_at: datetime
    is_declared: bool


async def sample_tags(db: Database, registry_id: int, *, limit: int | None) -> list[Believed]:
    """Return up to `limit` random tags that exist now; all if `limit` is None."""
    rows = await db.fetch(
        """
        SELECT r.id AS repository_id, r.name AS repository, t.tag AS reference, d.algorithm, d.hash,
               coalesce((SELECT max(coalesce(e.confirmed_at, e.at)) FROM tag_event AS e
                          WHERE e.repository_id = t.repository_id AND e.tag = t.tag), t.pushed_at) AS seen_at,
               NOT is_complete(g, r.id, t.tag, '{moves,deletes}', now(), now()) AS is_declared
          FROM (SELECT tag.repository_id, tag.tag, tag.digest_id, tag.pushed_at
                  FROM tag JOIN repository ON repository.id = repository_id AND registry_id = $1
                 ORDER BY random()
                 LIMIT $2) AS t
          JOIN repository AS r ON r.id = t.repository_id
          JOIN registry AS g ON g.id = r.registry_id
          JOIN digest AS d ON d.id = t.digest_id
        """,
        registry_id,
        limit,
    )
    return [_believed(row, Digest(row["algorithm"], row["hash"])) for row in rows]


async def sample_manifests(db: Database, registry_id: int, *, limit: int | None) -> list[Believed]:
    """Return up to `limit` random manifests that are present now; all if `limit` is None."""
    rows = await db.fetch(
        """
        SELECT r.id AS repository_id, r.name AS repository, digest_text(d.algorithm, d.hash) AS reference,
               d.algorithm, d.hash, m.last_seen_at AS seen_at,
               NOT is_complete(g, r.id, digest_text(d.algorithm, d.hash), '{moves,deletes}', now(), now())
                   AS is_declared
          FROM (SELECT repository_id, digest_id, last_seen_at
                  FROM repository_manifest JOIN repository ON repository.id = repository_id AND registry_id = $1
                 WHERE present
                 ORDER BY random()
                 LIMIT $2) AS m
          JOIN repository AS r ON r.id = m.repository_id
          JOIN registry AS g ON g.id = r.registry_id
          JOIN digest AS d ON d.id = m.digest_id
        """,
        registry_id,
        limit,
    )
    return [_believed(row, Digest(row["algorithm"], row["hash"])) for row in rows]


async def sample_absent_tags(db: Database, registry_id: int, *, limit: int | None) -> list[Believed]:
    """Return up to `limit` random tags that existed and are gone now; all if `limit` is None."""
    rows = await db.fetch(
        """
        SELECT r.id AS repository_id, r.name AS repository, gone.tag AS reference, gone.seen_at,
               NOT is_complete(g, r.id, gone.tag, '{moves,deletes}', now(), now()) AS is_declared
          FROM (SELECT e.repository_id, e.tag, max(coalesce(e.confirmed_at, e.at)) AS seen_at
                  FROM tag_event AS e JOIN repository ON repository.id = e.repository_id AND registry_id = $1
                 WHERE NOT EXISTS (SELECT FROM tag WHERE tag.repository_id = e.repository_id AND tag.tag = e.tag)
                 GROUP BY e.repository_id, e.tag
                 ORDER BY random()
                 LIMIT $2) AS gone
          JOIN repository AS r ON r.id = gone.repository_id
          JOIN registry AS g ON g.id = r.registry_id
        """,
        registry_id,
        limit,
    )
    return [_believed(row, None) for row in rows]


def _believed(row: asyncpg.Record, digest: Digest | None) -> Believed:
    return Believed(
        row["repository_id"], row["repository"], row["reference"], digest, row["seen_at"], row["is_declared"]
    )


async def read_believed(conn: Connection, repository_id: int, reference: str) -> Digest | None:
    """Return the digest a tag points to, or of a manifest that is present; None if the catalog has it as absent."""
    if is_digest(reference):
        row = await conn.fetchrow(
            """
            SELECT digest.algorithm, digest.hash
              FROM repository_manifest AS held
              JOIN digest ON digest.id = held.digest_id
             WHERE held.repository_id = $1 AND held.present AND digest.algorithm = $2 AND digest.hash = $3
            """,
            repository_id,
            *Digest.parse(reference),
        )
    else:
        row = await conn.fetchrow(
            """
            SELECT digest.algorithm, digest.hash
              FROM tag
              JOIN digest ON digest.id = tag.digest_id
             WHERE tag.repository_id = $1 AND tag.tag = $2
            """,
            repository_id,
            reference,
        )
    return Digest(row["algorithm"], row["hash"]) if row else None


async def note_audit(conn: Connection, registry_id: int, *, sampled: int, differed: int) -> None:
    """Store the result of an audit of a registry."""
    await conn.execute(
        """
        UPDATE registry
           SET verified_at = now(), verified_sampled = $2, verified_differed = $3
         WHERE id = $1
        """,
        registry_id,
        sampled,
        differed,
    )


async def is_asked_by_head(db: Database, registry_id: int) -> bool:
    """Return whether audits of this registry may only use HEAD, because it is not read in full."""
    by_head: bool = await db.fetchval("SELECT read_mode <> 'full' FROM registry WHERE id = $1", registry_id)
    return by_head


async def list_auditable(db: Database) -> list[tuple[int, str]]:
    """Return id and name of registries that were read in full, are not paused, and are not limited to events."""
    rows = await db.fetch(
        """
        SELECT id, name
          FROM registry
         WHERE reconciled_at IS NOT NULL AND NOT paused AND read_mode <> 'events'
         ORDER BY id
        """
    )
    return [(row["id"], row["name"]) for row in rows]
