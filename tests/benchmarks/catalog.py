"""A catalog to look things up in, more than the process cache can answer; and how a bare handler would ask for it."""

import hashlib
import random
from collections.abc import Iterator

from regdex.database import Pool

REPOSITORIES = 1000
TAGS = 95
# What a bare handler would join for the same answers.
TAGS_OF = """
    SELECT tag.tag, digest_text(digest.algorithm, digest.hash) AS digest, manifest.media_type, manifest.platforms,
           manifest.total_size_bytes, tag.pushed_at
      FROM registry
      JOIN repository ON repository.registry_id = registry.id AND repository.name = $2
      JOIN tag ON tag.repository_id = repository.id
      JOIN digest ON digest.id = tag.digest_id
      LEFT JOIN manifest ON manifest.digest_id = tag.digest_id
     WHERE registry.name = $1
     ORDER BY tag.tag
"""
TAG = TAGS_OF.replace("registry.name = $1", "registry.name = $1 AND tag.tag = $3")
DIGEST = """
    SELECT registry.name AS registry, repository.name AS repository, manifest.media_type, held.present,
           held.first_seen_at, held.last_seen_at,
           ARRAY (SELECT tag FROM tag
                   WHERE tag.repository_id = held.repository_id AND tag.digest_id = digest.id) AS tags
      FROM digest
      JOIN repository_manifest AS held ON held.digest_id = digest.id
      JOIN repository ON repository.id = held.repository_id
      JOIN registry ON registry.id = repository.registry_id
      LEFT JOIN manifest ON manifest.digest_id = digest.id
     WHERE digest.hash = $1 AND digest.algorithm = 1
"""


async def fill(db: Pool) -> None:
    """One registry `prod` with `REPOSITORIES` × `TAGS` tags, each of a manifest of its own."""
    await db.execute(
        """
        INSERT INTO registry (name, kind, url) VALUES ('prod', 'distribution', 'http://127.0.0.1:1');
        INSERT INTO project (registry_id, name) SELECT registry.id, 'team' FROM registry;
        """
    )
    await db.execute(
        """
        INSERT INTO repository (registry_id, project_id, name, tag_count)
        SELECT project.registry_id, project.id, 'team/app-' || number, $2
          FROM project, generate_series(0, $1 - 1) AS number
        """,
        REPOSITORIES,
        TAGS,
    )
    await db.execute(
        """
        WITH wanted AS MATERIALIZED (
            SELECT repository.id AS repository_id, '1.' || number AS tag,
                   sha256(convert_to(repository.name || ':1.' || number, 'UTF8')) AS hash
              FROM repository, generate_series(0, $1 - 1) AS number
        ), made AS (
            INSERT INTO digest (algorithm, hash) SELECT 1, hash FROM wanted RETURNING id, hash
        ), content AS (
            INSERT INTO manifest (digest_id, state, media_type, platforms, total_size_bytes)
            SELECT id, 'complete', 'application/vnd.oci.image.manifest.v1+json', '{linux/amd64}', 4711 FROM made
        ), held AS (
            INSERT INTO repository_manifest (repository_id, digest_id, first_seen_at, last_seen_at, present)
            SELECT repository_id, id, now(), now(), true FROM wanted JOIN made USING (hash)
        )
        INSERT INTO tag (repository_id, tag, digest_id, pushed_at, source, exact)
        SELECT repository_id, tag, id, now(), 1, true FROM wanted JOIN made USING (hash)
        """,
        TAGS,
    )
    await db.execute("VACUUM ANALYZE")


def names(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """`count` different (repository, tag) of it, in no order."""
    for place in random.Random(seed).sample(range(REPOSITORIES * TAGS), count):
        yield f"team/app-{place // TAGS}", f"1.{place % TAGS}"


def digest_of(repository: str, tag: str) -> str:
    return hashlib.sha256(f"{repository}:{tag}".encode()).hexdigest()
