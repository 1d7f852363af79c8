"""Digests and their numbers, given at first sight, before content is known."""

from collections.abc import Iterable

from regdex.database import Connection
from regdex.digest import Digest


async def intern_digests(conn: Connection, digests: Iterable[Digest]) -> dict[Digest, int]:
    """Ids of digests; new ones are added, in one order, so that writers wait for each other in a line."""
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
        if len(added) < len(missing):  # another writer was faster with some
            known |= await find_digests(conn, missing)
    return known


async def find_digests(conn: Connection, digests: Iterable[Digest]) -> dict[Digest, int]:
    """Ids of those of the digests that were ever seen."""
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
