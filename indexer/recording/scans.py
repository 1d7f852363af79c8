"""Records scans, the answers of a registry about tags and manifests, as observations."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from indexer.recording.current import Touched, refresh_current
from indexer.registry.answered import Answered, OtherClock
from regdex.database import Connection
from regdex.digest import Digest
from regdex.events import Source, event_key
from regdex.history import Observation
from regdex.store.catalog import names, registration
from regdex.store.catalog.registration import MAX_SKEW
from regdex.store.content.digests import intern_digests
from regdex.store.logs import observations, reading
from regdex.store.logs.observations import ManifestRow, TagRow


@dataclass(frozen=True, slots=True)
class TagScan:
    """The digest of a tag (None: it did not exist) at `at`, or when the registry `answered` (see `place`)."""

    repository: str
    tag: str
    digest: Digest | None
    at: datetime
    answered: Answered | None = None


@dataclass(frozen=True, slots=True)
class ManifestScan:
    """Whether a manifest was in a repository. Times as in TagScan."""

    repository: str
    digest: Digest
    present: bool
    at: datetime
    answered: Answered | None = None


async def record_scans(
    conn: Connection,
    registry_id: int,
    scans: Sequence[TagScan | ManifestScan],
    *,
    run_id: int = 0,
) -> None:
    """Record scans of one registry in the caller's transaction.

    A scan of a tag is a scan of its manifest, too. A scan with a time in the future counts at the present time.
    """
    if not scans:
        return
    asked_at = time.monotonic()
    registry = await registration.get_recorded(conn, registry_id)
    clock = OtherClock(registry.now, asked_at)
    last = _last_answered(scans)
    scans = [replace(scan, at=place(scan, clock)) for scan in scans]
    ids = await names.intern_repositories(conn, registry_id, {scan.repository for scan in scans})
    digest_ids = await intern_digests(conn, {scan.digest for scan in scans if scan.digest is not None})
    await names.lock_repositories(conn, ids.values())

    touched = Touched()
    tags = _runs(
        (ids[scan.repository], scan.tag, scan.at, None if scan.digest is None else digest_ids[scan.digest])
        for scan in scans
        if isinstance(scan, TagScan)
    )
    if tags:
        await _record_tags(conn, tags, run_id, touched)
    manifests = _runs(
        (ids[scan.repository], id, scan.at, id if isinstance(scan, TagScan) or scan.present else None)
        for scan in scans
        if scan.digest is not None
        for id in (digest_ids[scan.digest],)
    )
    if manifests:
        await _record_manifests(conn, manifests, run_id, touched)
    await refresh_current(conn, registry_id, touched, is_held=False)
    # Last, as every transaction locks repositories before their registry.
    if last is not None and (skew := last.skew_by(clock)) is not None:
        await registration.set_skew(conn, registry_id, timedelta(seconds=skew))


def place(scan: TagScan | ManifestScan, clock: OtherClock) -> datetime:
    """Return the time of a scan by PostgreSQL's `clock`.

    That is the Date of the registry's answer, so that its events and answers share one clock; or the present time if
    that is earlier. If the registry's clock is more than MAX_SKEW off, it may jump at any time and is not used.
    """
    if scan.answered is None:
        return min(scan.at, clock.now)
    skew = scan.answered.skew_by(clock)
    if skew is not None and abs(skew) > MAX_SKEW.total_seconds():
        return min(scan.answered.came_by(clock), clock.now)
    return min(scan.answered.at_by(clock), clock.now)


def _last_answered(scans: Iterable[TagScan | ManifestScan]) -> Answered | None:
    answers = [scan.answered for scan in scans if scan.answered is not None and scan.answered.date is not None]
    return max(answers, key=lambda answered: answered.monotonic) if answers else None


class _Run(NamedTuple):
    """Consecutive scans of one tag or manifest (`name`) with the same result: its digest, or None if absent."""

    repository_id: int
    name: Any
    at: datetime
    digest_id: int | None
    until: datetime
    is_first: bool

    def key(self, run_id: int) -> UUID:
        parts = (run_id, self.repository_id, self.name, self.digest_id, self.at.isoformat())
        return event_key("scan", *(str(part) for part in parts))

    @property
    def confirmed_at(self) -> datetime | None:
        return self.until if self.until > self.at else None


def _runs(scans: Iterable[tuple[int, Any, datetime, int | None]]) -> list[_Run]:
    """Sort scans (repository, tag or digest, at, digest or None) and merge consecutive equal ones."""
    runs: list[_Run] = []
    for repository_id, name, at, digest_id in sorted(set(scans), key=lambda scan: (*scan[:3], scan[3] or 0)):
        last = runs[-1] if runs and runs[-1][:2] == (repository_id, name) else None
        if last is not None and last.digest_id == digest_id:
            runs[-1] = last._replace(until=at)
        else:
            runs.append(_Run(repository_id, name, at, digest_id, at, last is None))
    return runs


async def _record_tags(conn: Connection, runs: Sequence[_Run], run_id: int, touched: Touched) -> None:
    first = [run for run in runs if run.is_first]
    previous = _previous(await reading.read_tag_scans(conn, [run[:3] for run in first]), first)
    confirmed, added = _sort_out(runs, previous)
    if confirmed:
        await observations.confirm_tag_scans(
            conn, [(*run[:2], scan.at, scan.event_key, run.until) for run, scan in confirmed]
        )
    if added:
        await observations.add_tag_rows(
            conn,
            [
                TagRow(*run[:3], run.key(run_id), run.digest_id, None, Source.SCAN, False, run.confirmed_at)
                for run in added
            ],
        )
    touched.tags.update(run[:2] for run in (*added, *(run for run, _ in confirmed)))


async def _record_manifests(conn: Connection, runs: Sequence[_Run], run_id: int, touched: Touched) -> None:
    first = [run for run in runs if run.is_first]
    previous = _previous(await reading.read_manifest_scans(conn, [run[:3] for run in first]), first)
    confirmed, added = _sort_out(runs, previous)
    if confirmed:
        await observations.confirm_manifest_scans(
            conn, [(*run[:2], scan.at, scan.event_key, run.until) for run, scan in confirmed]
        )
    if added:
        await observations.add_manifest_rows(
            conn,
            [
                ManifestRow(
                    *run[:3],
                    run.key(run_id),
                    run.digest_id is not None,
                    False,
                    None,
                    Source.SCAN,
                    False,
                    run.confirmed_at,
                )
                for run in added
            ],
        )
    for run in (*added, *(run for run, _ in confirmed)):
        if run.digest_id is not None:
            touched.saw(run[:2], run.at, run.until)
        else:
            touched.manifests.setdefault(run[:2])


def _previous(rows: Iterable[asyncpg.Record], runs: Sequence[_Run]) -> dict[tuple[int, Any], Observation]:
    """Return the stored scan that precedes each run, where there is one."""
    return {runs[row["ordinal"] - 1][:2]: Observation.of(row) for row in rows}


def _sort_out(
    runs: Iterable[_Run], previous: Mapping[tuple[int, Any], Observation]
) -> tuple[list[tuple[_Run, Observation]], list[_Run]]:
    """Return the runs that confirm the stored scan before them, with that scan, and the runs to add."""
    confirmed: list[tuple[_Run, Observation]] = []
    added: list[_Run] = []
    for run in runs:
        before = previous.get(run[:2]) if run.is_first else None
        if before is None or before.digest_id != run.digest_id:
            added.append(run)
        elif run.until > (before.confirmed_at or before.at):
            confirmed.append((run, before))
    return confirmed, added
