"""The catalog of one registry as tests compare it: all that is derived, by name, without the numbers given to names."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from indexer.recording import recorder
from indexer.recording.recorder import ManifestScan, TagScan
from indexer.registration import register
from regdex.database import Pool
from regdex.events import Event
from regdex.history import Entry, Gone, Observation, derive
from regdex.settings import Registry


class Catalog:
    """Records for one registry, a batch a transaction, and reads back."""

    def __init__(self, db: Pool, registry_id: int) -> None:
        self.db = db
        self.registry_id = registry_id

    @classmethod
    async def of(cls, db: Pool, name: str = "prod") -> "Catalog":
        async with db.acquire() as conn, conn.transaction():
            await register(conn, [Registry(name=name, url=f"http://{name}.example")])
            registry_id = await conn.fetchval("SELECT id FROM registry WHERE name = $1", name)
        return cls(db, registry_id)

    async def record(self, events: Iterable[Event]) -> None:
        async with self.db.acquire() as conn, conn.transaction():
            await recorder.record_events(conn, self.registry_id, list(events))

    async def scan(self, *scans: TagScan | ManifestScan) -> None:
        async with self.db.acquire() as conn, conn.transaction():
            await recorder.record_scans(conn, self.registry_id, scans)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """A query about `$1`, the registry's id."""
        return [tuple(row) for row in await self.db.fetch(query, self.registry_id)]

    async def tags(self) -> dict[tuple[str, str], tuple[str, datetime, datetime | None, bool, str | None]]:
        """(repository, tag) → digest, pushed_at, not_before, exact, actor."""
        rows = await self.rows(
            """
            SELECT r.name, t.tag, encode(d.hash, 'hex'), t.pushed_at, t.not_before, t.exact, a.name AS actor
              FROM tag AS t JOIN repository AS r ON r.id = t.repository_id JOIN digest AS d ON d.id = t.digest_id
              LEFT JOIN actor AS a ON a.id = t.actor_id
             WHERE r.registry_id = $1
            """
        )
        return {(row[0], row[1]): (f"sha256:{row[2]}", *row[3:]) for row in rows}

    async def manifests(self) -> dict[tuple[str, str], tuple[bool, datetime, datetime]]:
        """(repository, digest) → present, first_seen_at, last_seen_at."""
        rows = await self.rows(
            """
            SELECT r.name, encode(d.hash, 'hex'), m.present, m.first_seen_at, m.last_seen_at
              FROM repository_manifest AS m JOIN repository AS r ON r.id = m.repository_id
              JOIN digest AS d ON d.id = m.digest_id
             WHERE r.registry_id = $1
            """
        )
        return {(row[0], f"sha256:{row[1]}"): row[2:] for row in rows}

    async def repositories(self) -> dict[str, tuple[int, int, datetime | None, datetime | None]]:
        """Name → tag_count, manifest_count, pushed_at, pulled_at."""
        rows = await self.rows(
            "SELECT name, tag_count, manifest_count, pushed_at, pulled_at FROM repository WHERE registry_id = $1"
        )
        return {row[0]: row[1:] for row in rows}

    async def downloads(self) -> set[tuple[Any, ...]]:
        """Rows of the hourly rollup that count something."""
        return set(
            await self.rows(
                """
                SELECT r.name, h.hour, encode(d.hash, 'hex'), h.tag, h.platform, h.class, h.downloads,
                       h.version_checks, h.requests
                  FROM download_hour AS h JOIN repository AS r ON r.id = h.repository_id
                  JOIN digest AS d ON d.id = h.digest_id
                 WHERE r.registry_id = $1 AND h.requests <> 0
                """
            )
        )

    async def history(self) -> dict[tuple[str, str], list[Entry]]:
        """(repository, tag) → entries, derived from the whole logs; digests and actors still by number."""
        observations: defaultdict[tuple[int, str], list[Observation]] = defaultdict(list)
        for row in await self.db.fetch(
            """
            SELECT repository_id, tag, at, digest_id, exact, source, actor_id, event_key, confirmed_at, told_at,
                   told_nanos, position
              FROM tag_event JOIN repository ON id = repository_id WHERE registry_id = $1
            """,
            self.registry_id,
        ):
            observations[row["repository_id"], row["tag"]].append(Observation.of(row))
        gone: defaultdict[int, list[Gone]] = defaultdict(list)
        for row in await self.db.fetch(
            """
            SELECT repository_id, at, digest_id, exact, source, actor_id, event_key, told_at, told_nanos, position
              FROM manifest_event JOIN repository ON id = repository_id
             WHERE registry_id = $1 AND NOT present AND takes_tags
             UNION ALL
            SELECT repository_id, at, NULL, exact, source, actor_id, event_key, told_at, told_nanos, position
              FROM repository_event JOIN repository ON id = repository_id
             WHERE registry_id = $1
            """,
            self.registry_id,
        ):
            gone[row["repository_id"]].append(Gone.of(row))
        names = dict(await self.rows("SELECT id, name FROM repository WHERE registry_id = $1"))
        return {(names[id], tag): derive(log, gone[id]) for (id, tag), log in observations.items()}

    async def changes(self) -> dict[tuple[str, str], list[tuple[str | None, datetime, bool, datetime | None]]]:
        """(repository, tag) → digest or None, at, exact, not_before of each entry of its history."""
        digests = {
            row["id"]: f"sha256:{row['hash'].hex()}" for row in await self.db.fetch("SELECT id, hash FROM digest")
        }
        return {
            key: [(digests.get(entry.digest_id or 0), entry.at, entry.exact, entry.not_before) for entry in entries]
            for key, entries in (await self.history()).items()
        }

    async def logs(self) -> dict[str, set[tuple[Any, ...]]]:
        """All rows of the logs and of pulls, by name instead of by number."""
        return {
            "tags": set(
                await self.rows(
                    """
                    SELECT r.name, e.tag, e.at, e.told_at, e.told_nanos, e.position, e.exact, e.event_key, d.hash
                      FROM tag_event AS e JOIN repository AS r ON r.id = e.repository_id
                      LEFT JOIN digest AS d ON d.id = e.digest_id
                     WHERE r.registry_id = $1
                    """
                )
            ),
            "manifests": set(
                await self.rows(
                    """
                    SELECT r.name, d.hash, e.at, e.told_at, e.told_nanos, e.position, e.exact, e.event_key, e.present
                      FROM manifest_event AS e JOIN repository AS r ON r.id = e.repository_id
                      JOIN digest AS d ON d.id = e.digest_id
                     WHERE r.registry_id = $1
                    """
                )
            ),
            "repositories": set(
                await self.rows(
                    """
                    SELECT r.name, e.at, e.told_at, e.told_nanos, e.position, e.exact, e.event_key
                      FROM repository_event AS e JOIN repository AS r ON r.id = e.repository_id
                     WHERE r.registry_id = $1
                    """
                )
            ),
            "pulls": set(
                await self.rows(
                    """
                    SELECT r.name, d.hash, e.tag, e.at, e.told_at, e.exact, e.event_key, e.is_head
                      FROM pull_event AS e JOIN repository AS r ON r.id = e.repository_id
                      JOIN digest AS d ON d.id = e.digest_id
                     WHERE r.registry_id = $1
                    """
                )
            ),
        }

    async def questions(self) -> set[tuple[str, str]]:
        """(repository, reference) of what is in doubt and waits to be asked."""
        return set(
            await self.rows(
                """
                SELECT r.name, q.reference
                  FROM question AS q JOIN repository AS r ON r.id = q.repository_id
                 WHERE r.registry_id = $1 AND NOT q.is_check
                """
            )
        )

    async def everything(self) -> dict[str, Any]:
        return {
            "tags": await self.tags(),
            "manifests": await self.manifests(),
            "repositories": await self.repositories(),
            "downloads": await self.downloads(),
            "changes": await self.changes(),
        }
