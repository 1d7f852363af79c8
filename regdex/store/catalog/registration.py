"""SQL that writes registries: their settings, clock skew, rate limit, and how far their events are recorded."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from regdex.database import Connection, Database
from regdex.store.catalog import gaps

MAX_SKEW = timedelta(seconds=5)


class RegistryRow(NamedTuple):
    """The columns of a row of `registry` that come from the settings and from its kind."""

    name: str
    kind: str
    url: str
    hosts: tuple[str, ...]
    paused: bool
    untagged_manifests: str
    reports_pushes: bool
    reports_tag_moves: bool
    reports_tag_deletes: bool
    reports_pulls: bool
    time_resolution_seconds: float
    get_counts_as_pull: bool
    lists_digests: bool
    retries_deliveries: bool
    read_mode: str
    settings_hash: str


async def sync_registries(conn: Connection, registries: Sequence[RegistryRow]) -> dict[str, int]:
    """Write the registries of the settings to the catalog and return their ids by name.

    A registry that is no longer in the settings is paused; its data stays. Gaps are opened or closed to match:
    `never_read` and `before_first_event` for new registries, `not_reported` where the kind reports no pulls, `paused`
    while paused.
    """
    await conn.execute(
        "UPDATE registry SET paused = true WHERE NOT paused AND name <> ALL ($1::text[])",
        [row.name for row in registries],
    )
    await _make_due(conn, registries)
    ids = await _put_registries(conn, registries) if registries else {}
    silent = [ids[row.name] for row in registries if not row.reports_pulls]
    await gaps.open_gap(conn, silent, ["pulls"], reason="not_reported", since=gaps.ALWAYS)
    for row in registries:
        if row.reports_pulls:
            await gaps.close_gaps(conn, ids[row.name], ["pulls"], reasons=["not_reported"])
    paused = [row["id"] for row in await conn.fetch("SELECT id FROM registry WHERE paused")]
    await gaps.open_gap(conn, paused, gaps.ALL, reason="paused")
    for row in registries:
        if not row.paused:
            await gaps.close_gaps(conn, ids[row.name], ["pulls"], reasons=["paused"])
    return ids


async def _put_registries(conn: Connection, registries: Sequence[RegistryRow]) -> dict[str, int]:
    # PostgreSQL's nested arrays are rectangular, so each list of hosts is sent as one text with a host a line.
    found = await conn.fetch(
        r"""
        INSERT INTO registry (name, kind, url, hosts, paused, untagged_manifests, reports_pushes, reports_tag_moves,
                              reports_tag_deletes, reports_pulls, time_resolution_seconds, get_counts_as_pull,
                              lists_digests, retries_deliveries, read_mode, settings_hash)
        SELECT name, kind, url, string_to_array(hosts, E'\n'), paused, untagged_manifests, reports_pushes,
               reports_tag_moves, reports_tag_deletes, reports_pulls, time_resolution_seconds, get_counts_as_pull,
               lists_digests, retries_deliveries, read_mode, settings_hash
          FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::boolean[],
                      $8::boolean[], $9::boolean[], $10::boolean[], $11::double precision[], $12::boolean[],
                      $13::boolean[], $14::boolean[], $15::text[], $16::text[])
            AS set (name, kind, url, hosts, paused, untagged_manifests, reports_pushes, reports_tag_moves,
                    reports_tag_deletes, reports_pulls, time_resolution_seconds, get_counts_as_pull, lists_digests,
                    retries_deliveries, read_mode, settings_hash)
            ON CONFLICT (name) DO UPDATE
           SET kind = excluded.kind, url = excluded.url, hosts = excluded.hosts, paused = excluded.paused,
               untagged_manifests = excluded.untagged_manifests, reports_pushes = excluded.reports_pushes,
               reports_tag_moves = excluded.reports_tag_moves, reports_tag_deletes = excluded.reports_tag_deletes,
               reports_pulls = excluded.reports_pulls, time_resolution_seconds = excluded.time_resolution_seconds,
               get_counts_as_pull = excluded.get_counts_as_pull, lists_digests = excluded.lists_digests,
               retries_deliveries = excluded.retries_deliveries, read_mode = excluded.read_mode,
               settings_hash = excluded.settings_hash
        RETURNING name, id, xmax = 0 AS is_new
        """,
        *zip(*((*row[:3], "\n".join(row.hosts), *row[4:]) for row in sorted(registries)), strict=True),
    )
    new = [row["id"] for row in found if row["is_new"]]
    await gaps.open_gap(conn, new, gaps.READABLE, reason="never_read", since=gaps.ALWAYS)
    await gaps.open_gap(conn, new, ["pulls"], reason="before_first_event", since=gaps.ALWAYS)
    return {row["name"]: row["id"] for row in found}


class Recorded(NamedTuple):
    """The columns of a registry that recording needs; `now` is PostgreSQL's clock."""

    kind: str
    skew: timedelta
    now: datetime

    @property
    def is_skewed(self) -> bool:
        """Return whether its clock differs too much from ours for its times to count as exact."""
        return abs(self.skew) > MAX_SKEW


async def get_recorded(conn: Connection, registry_id: int) -> Recorded:
    row = await conn.fetchrow(
        """
        SELECT kind, skew_seconds, clock_timestamp() AS now
          FROM registry
         WHERE id = $1
        """,
        registry_id,
    )
    assert row is not None  # noqa: S101 - a registry is never deleted
    return Recorded(
        row["kind"],
        timedelta(seconds=row["skew_seconds"] or 0),
        row["now"],
    )


async def set_skew(conn: Connection, registry_id: int, skew: timedelta) -> None:
    """Store how far a registry's clock is ahead of ours, according to its last response."""
    await conn.execute(
        """
        UPDATE registry
           SET skew_seconds = $2, skew_at = now()
         WHERE id = $1
           AND (skew_seconds IS NULL OR abs(skew_seconds - $2) >= 1 OR skew_at < now() - interval '1 minute')
        """,
        registry_id,
        skew.total_seconds(),
    )


async def _make_due(conn: Connection, registries: Sequence[RegistryRow]) -> None:
    """Mark registries as due for a full read if their settings changed, or if no read has succeeded and none is open.

    After a change, content that could not be read with the old settings is queued again. An empty stored hash comes
    from a release that stored no settings, and counts as unchanged. If `read_mode` is no longer full, queued fetches
    are deleted.
    """
    names, hashes = [row.name for row in registries], [row.settings_hash for row in registries]
    await conn.execute(
        """
        UPDATE registry
           SET read_due_at = now(),
               limited_until = CASE WHEN registry.settings_hash = set.settings_hash THEN registry.limited_until END
          FROM unnest($1::text[], $2::text[]) AS set (name, settings_hash)
         WHERE registry.name = set.name
           AND (registry.settings_hash NOT IN ('', set.settings_hash)
                OR (registry.reconciled_at IS NULL
                    AND NOT EXISTS (SELECT FROM backfill
                                     WHERE backfill.registry_id = registry.id AND state IN ('waiting', 'running'))))
        """,
        names,
        hashes,
    )
    await conn.execute(
        """
        INSERT INTO fetch_queue (repository_id, digest_id, registry_id)
        SELECT held.repository_id, held.digest_id, registry.id
          FROM unnest($1::text[], $2::text[]) AS set (name, settings_hash)
          JOIN registry ON registry.name = set.name AND registry.settings_hash NOT IN ('', set.settings_hash)
          JOIN repository ON repository.registry_id = registry.id
          JOIN repository_manifest AS held ON held.repository_id = repository.id AND held.present
          JOIN manifest ON manifest.digest_id = held.digest_id AND manifest.state NOT IN ('complete', 'unsupported')
            ON CONFLICT (repository_id, digest_id) DO UPDATE SET next_attempt_at = now()
        """,
        names,
        hashes,
    )
    await conn.execute(
        """
        DELETE FROM fetch_queue
         USING registry, unnest($1::text[], $2::text[]) AS set (name, read_mode)
         WHERE registry.name = set.name AND registry.read_mode = 'full' AND set.read_mode <> 'full'
           AND fetch_queue.registry_id = registry.id
        """,
        names,
        [row.read_mode for row in registries],
    )


async def advance(
    conn: Connection, registry_id: int, *, at: datetime, received_from: datetime, received_until: datetime
) -> None:
    """Record that events up to `at` are recorded, from deliveries received in the given interval.

    The first events of a registry close its gap of pulls `before_first_event`.
    """
    was_silent = await conn.fetchval(
        """
        UPDATE registry
           SET events_through = greatest(registry.events_through, $2),
               accepted_at = greatest(registry.accepted_at, $3)
          FROM registry AS before
         WHERE registry.id = $1 AND before.id = registry.id
           AND (registry.events_through IS NULL OR registry.events_through < $2
                OR registry.accepted_at IS NULL OR registry.accepted_at < $3)
        RETURNING before.events_through IS NULL
        """,
        registry_id,
        at,
        received_until,
    )
    if was_silent:
        await gaps.close_gaps(conn, registry_id, ["pulls"], reasons=["before_first_event"], until=received_from)


async def note_refused(conn: Connection, registry_ids: Sequence[int]) -> None:
    """Record that deliveries of these registries were just refused for a wrong secret."""
    await conn.execute(
        """
        UPDATE registry
           SET refused_at = now(), refused_since = coalesce(refused_since, now())
         WHERE id = ANY ($1::bigint[])
        """,
        registry_ids,
    )


async def note_limit(db: Database, registry: str, limited_until: datetime | None) -> None:
    """Store until when a registry has asked for no more requests (rate limit); None clears it."""
    await db.execute("UPDATE registry SET limited_until = $2 WHERE name = $1", registry, limited_until)
