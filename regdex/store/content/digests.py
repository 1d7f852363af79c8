"""SQL that maps digests to ids; a digest gets its id when first seen, before its content is known."""

from collections.abc import Iterable

from regdex.database import Connection
from regdex.digest import Digest


async def intern_digests(conn: Connection, digests: Iterable[Digest]) -> dict[Digest, int]:
    """Return ids of digests; missing ones are inserted in sorted order, so that concurrent writers do not deadlock."""
    asked = set(digests)
    known = await find_digests(conn, asked)
    while missing := sorted(asked - known.keys(), key=lambda digest: digest.hash):
        algorithms, hashes = zip(*missing, strict=True)
        added = await conn.fetch(
            """
            INSERT INTO digest (algorithm, hash)
            SELECT asked.algorithm, asked.hash
              FROM unnest($1::smallint[], $2::bytea[]) AS asked (algorithm, hash)
             ORDER BY asked.hash, asked.algorithm
                ON CONFLICT DO NOTHING
            RETURNING id, algorithm, hash
            """,
            algorithms,
            hashes,
        )
        known |= {Digest(row["algorithm"], row["hash"]): row["id"] for row in added}
        if len(added) < len(missing):  # another writer inserted some
            known |= await find_digests(conn, missing)
    return known


async def find_digests(conn: Connection, digests: Iterable[Digest]) -> dict[Digest, int]:
    """Return ids of digests; digests never seen are left out."""
    asked = list(digests)
    if not asked:
        return {}
    algorithms, hashes = zip(*asked, strict=True)
    rows = await conn.fetch(
        """
        SELECT digest.id, digest.algorithm, digest.hash
          FROM unnest($1::smallint[], $2::bytea[]) AS asked (algorithm, hash)
          JOIN digest USING (hash, algorithm)
        """,
        algorithms,
        hashes,
    )
    return {Digest(row["algorithm"], row["hash"]): row["id"] for row in rows}
