"""Rows for the service's tests, written by SQL: what the recorder and the fetcher would have left behind."""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from regdex.database import Pool
from regdex.store.catalog.sorting import refresh_tags

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
T0 = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """A time, so many minutes after `T0`."""
    return T0 + timedelta(minutes=minutes)


def digest_of(name: str) -> str:
    """The digest that tests call `name`."""
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


@dataclass
class Seed:
    """Adds rows; names of digests stand for `digest_of(name)`."""

    db: Pool
    digests: dict[str, int] = field(default_factory=dict)

    async def registry(self, name: str, **columns: Any) -> int:
        columns = {"hosts": [f"{name}.example.com"], "events_through": at(100), **columns}
        names = ", ".join(columns)
        values = ", ".join(f"${n}" for n in range(2, len(columns) + 2))
        found: int = await self.db.fetchval(
            f"INSERT INTO registry (name, kind, url, {names}) VALUES ($1, 'distribution', 'http://' || $1, {values}) "  # noqa: S608
            "RETURNING id",
            name,
            *columns.values(),
        )
        return found

    async def repository(self, registry: str, name: str, **columns: Any) -> int:
        columns = {"first_seen_at": T0, "tag_count": 1, **columns}
        names = ", ".join(columns)
        values = ", ".join(f"${n}" for n in range(4, len(columns) + 4))
        found: int = await self.db.fetchval(
            f"""
            WITH project AS (
                INSERT INTO project (registry_id, name) SELECT id, $3 FROM registry WHERE name = $1
                    ON CONFLICT (registry_id, name) DO UPDATE SET name = excluded.name RETURNING id, registry_id
            )
            INSERT INTO repository (registry_id, project_id, name, {names})
            SELECT registry_id, id, $2, {values} FROM project RETURNING id
            """,  # noqa: S608
            registry,
            name,
            name.partition("/")[0] if "/" in name else "",
            *columns.values(),
        )
        return found

    async def project_id(self, registry: str, project: str) -> int:
        found: int = await self.db.fetchval(
            "SELECT p.id FROM project p JOIN registry g ON g.id = p.registry_id WHERE g.name = $1 AND p.name = $2",
            registry,
            project,
        )
        return found

    async def digest(self, name: str) -> int:
        if name not in self.digests:
            self.digests[name] = await self.db.fetchval(
                "INSERT INTO digest (algorithm, hash) VALUES (1, $1) RETURNING id",
                hashlib.sha256(name.encode()).digest(),
            )
        return self.digests[name]

    async def tag(self, repository: int, tag: str, digest: str, when: datetime = T0, **columns: Any) -> None:
        """A tag as it is now, with the event that made it so, or the first scan that found it."""
        digest_id = await self.digest(digest)
        actor, scan = columns.pop("actor", ""), columns.pop("scan", False)
        await self.db.execute(
            "INSERT INTO tag (repository_id, tag, digest_id, pushed_at, actor_id, source, exact) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7)",
            repository,
            tag,
            digest_id,
            when,
            await self.actor(actor) if actor else None,
            2 if scan else 1,
            not scan,
        )
        await self.tag_event(repository, tag, digest, when, actor=actor, scan=scan)
        await self.present(repository, digest, when)

    async def sort_tags(self) -> None:
        """What the fetcher does once content is known: sort times, auxiliary tags and their counts."""
        rows = await self.db.fetch("SELECT DISTINCT repository_id, digest_id FROM tag")
        async with self.db.acquire() as conn, conn.transaction():
            await refresh_tags(conn, [(row["repository_id"], row["digest_id"]) for row in rows])

    async def tag_event(
        self,
        repository: int,
        tag: str,
        digest: str | None,
        when: datetime,
        *,
        actor: str = "",
        scan: bool = False,
        confirmed_at: datetime | None = None,
    ) -> None:
        await self.db.execute(
            "INSERT INTO tag_event (repository_id, tag, at, event_key, digest_id, confirmed_at, actor_id, source, "
            "exact) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            repository,
            tag,
            when,
            uuid.uuid4(),
            await self.digest(digest) if digest else None,
            confirmed_at,
            await self.actor(actor) if actor else None,
            2 if scan else 1,
            not scan,
        )

    async def manifest_event(self, repository: int, digest: str, when: datetime, *, present: bool) -> None:
        await self.db.execute(
            "INSERT INTO manifest_event (repository_id, digest_id, at, event_key, source, exact, present, takes_tags) "
            "VALUES ($1, $2, $3, $4, 1, true, $5, $6)",
            repository,
            await self.digest(digest),
            when,
            uuid.uuid4(),
            present,
            not present,
        )

    async def repository_gone(self, repository: int, when: datetime) -> None:
        await self.db.execute(
            "INSERT INTO repository_event (repository_id, at, event_key, source, exact) VALUES ($1, $2, $3, 1, true)",
            repository,
            when,
            uuid.uuid4(),
        )

    async def actor(self, name: str) -> int:
        found: int = await self.db.fetchval(
            "INSERT INTO actor (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
            name,
        )
        return found

    async def present(self, repository: int, digest: str, when: datetime = T0, *, present: bool = True) -> None:
        await self.db.execute(
            "INSERT INTO repository_manifest (repository_id, digest_id, first_seen_at, last_seen_at, present) "
            "VALUES ($1, $2, $3, $3, $4) ON CONFLICT DO NOTHING",
            repository,
            await self.digest(digest),
            when,
            present,
        )

    async def image(self, name: str, *, layers: tuple[str, ...] = (), **columns: Any) -> None:
        """Content of an image: config `name/config`, diff IDs `layer/diff`, chain IDs `name/layer/chain`."""
        platform = columns.pop("platform", "linux/amd64").split("/")
        values: dict[str, Any] = {
            "state": "complete",
            "media_type": IMAGE,
            "config_digest_id": await self.digest(f"{name}/config"),
            "config_media_type": CONFIG,
            "config_size_bytes": 1000,
            "os": platform[0],
            "architecture": platform[1],
            "variant": platform[2] if len(platform) > 2 else "",
            "platforms": ["/".join(platform)],
            "size_bytes": 500,
            "total_size_bytes": 500 + 1000 + 10_000 * len(layers),
            "created_at": T0,
            **columns,
        }
        if subject := values.pop("subject", None):
            values["subject_digest_id"] = await self.digest(subject)
        await self._manifest(name, values)
        for position, layer in enumerate(layers):
            await self.db.execute(
                "INSERT INTO manifest_layer VALUES ($1, $2, $3, $4, $5, 10000, $6)",
                await self.digest(name),
                position,
                await self.digest(layer),
                await self.digest(f"{layer}/diff"),
                await self.digest(f"{name}/{layer}/chain"),
                LAYER,
            )

    async def index(self, name: str, children: dict[str, str], **columns: Any) -> None:
        """Content of an index: child → platform."""
        values = {
            "state": "complete",
            "media_type": INDEX,
            "is_index": True,
            "size_bytes": 300,
            "total_size_bytes": 300 + 20_000 * len(children),
            "platforms": list(children.values()),
            **columns,
        }
        await self._manifest(name, values)
        for position, (child, platform) in enumerate(children.items()):
            os, architecture, *variant = platform.split("/")
            await self.db.execute(
                "INSERT INTO manifest_child (digest_id, position, child_digest_id, size_bytes, media_type, os, "
                "architecture, variant) VALUES ($1, $2, $3, 500, $4, $5, $6, $7)",
                await self.digest(name),
                position,
                await self.digest(child),
                IMAGE,
                os,
                architecture,
                "".join(variant),
            )

    async def _manifest(self, name: str, values: dict[str, Any]) -> None:
        names = ", ".join(values)
        places = ", ".join(f"${n}" for n in range(2, len(values) + 2))
        await self.db.execute(
            f"INSERT INTO manifest (digest_id, {names}) VALUES ($1, {places})",  # noqa: S608
            await self.digest(name),
            *values.values(),
        )
