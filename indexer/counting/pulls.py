"""Recording pulls: raw rows, and what they change in the counts, whatever order they come in and however often.

`regdex.counting` has the rule, `indexer.sessions` finds out what new requests change; here both meet the tables.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from indexer.counting.sessions import Change, Span, Taken, derive_span, find_spans, merge_spans
from regdex.counting import Counts, Request
from regdex.database import Connection, Pool, outage_logged
from regdex.store.pulls import facts as facts_store
from regdex.store.pulls import partitions, rollups
from regdex.store.pulls import requests as store
from regdex.telemetry import PULLS_IGNORED

RETENTION_DAYS = 90
WINDOW_DAYS = 30
CLIENT = 1
POLL_SECONDS = 0.2
OUTAGE_SECONDS = 1.0
TAKEN_IN_AT_ONCE = 500
DERIVED_AT_ONCE = 20_000


class Pull(NamedTuple):
    """A manifest request with its names interned; `tag` is None when it was asked for by digest.

    `told_at` is the sender's time, None where it told none that can be true. `is_own`: Regdex itself asked.
    """

    repository_id: int
    at: datetime
    key: UUID
    digest_id: int
    client_id: int
    is_head: bool
    tag: str | None
    told_at: datetime | None
    is_own: bool = False


async def hold_facts(conn: Connection) -> None:
    """To be called in a transaction that may record pulls, before it locks repositories: that order, or deadlocks."""
    await store.share_facts(conn)


async def record_pulls(conn: Connection, pulls: Sequence[Pull], *, retention_days: int = RETENTION_DAYS) -> None:
    """Record each of `pulls` once. The caller's transaction holds the rows of the repositories."""
    if not pulls:
        return
    await hold_facts(conn)
    clock = await store.read_clock(conn, retention_days=retention_days)
    fresh: dict[tuple[int, int, UUID], Pull] = {}
    for pull in pulls:
        if not clock.oldest <= pull.at < clock.newest:
            PULLS_IGNORED.labels("too_old" if pull.at < clock.oldest else "in_the_future").inc()
            continue
        place = pull.repository_id, pull.client_id, pull.key
        if place not in fresh or pull.at < fresh[place].at:
            fresh[place] = pull
    moved = await _find_repeats(conn, fresh)
    if not fresh:
        return
    await partitions.ensure_partitions(conn, sorted({pull.at.astimezone(UTC).date() for pull in fresh.values()}))
    changes: list[tuple[int, int, datetime, Request | UUID | None]] = [*moved]
    changes += [(pull.repository_id, pull.client_id, pull.at, _request(pull)) for pull in fresh.values()]
    derived = await _derive(conn, find_spans(changes))
    await _write(conn, derived, clock.today, {pull.key for pull in fresh.values() if pull.told_at is None})
    if moved:
        pulled_at = await rollups.lock_repositories(conn, sorted({place[0] for place in moved}))
        await _correct_pulled_at(conn, [change for change in derived if change.removed], pulled_at)


async def move_pulls(conn: Connection, pulls: Sequence[Pull]) -> None:
    """Move stored pulls from their `told_at` to their `at`, with what they count. The caller holds the repositories."""
    if not pulls:
        return
    clock = await store.read_clock(conn, retention_days=RETENTION_DAYS)
    await partitions.ensure_partitions(conn, sorted({pull.at.astimezone(UTC).date() for pull in pulls}))
    changes: list[tuple[int, int, datetime, Request | UUID | None]] = []
    for pull in pulls:
        assert pull.told_at is not None  # noqa: S101 - where it is stored
        changes.append((pull.repository_id, pull.client_id, pull.told_at, pull.key))
        changes.append((pull.repository_id, pull.client_id, pull.at, _request(pull)))
    await _write(conn, await _derive(conn, find_spans(changes)), clock.today)


async def _find_repeats(
    conn: Connection, fresh: dict[tuple[int, int, UUID], Pull]
) -> list[tuple[int, int, datetime, UUID]]:
    """Drop from `fresh` what is stored with an earlier receipt; returns what is stored with a later one.

    Only what has a receipt for its time is looked for here: all else has one key, whenever it is received.
    """
    moved: list[tuple[int, int, datetime, UUID]] = []
    for row in await store.find_received(
        conn, [(pull.repository_id, pull.client_id, pull.key, pull.at, pull.told_at) for pull in fresh.values()]
    ):
        place = row["repository_id"], row["client_id"], row["event_key"]
        if (pull := fresh.get(place)) is None:
            continue
        if row["at"] <= pull.at:
            del fresh[place]
        else:
            moved.append((*place[:2], row["at"], row["event_key"]))
    return moved


def _request(pull: Pull) -> Request:
    at = pull.at.astimezone(UTC)
    return Request(at, pull.told_at or at, pull.key, pull.digest_id, pull.is_head, pull.tag)


async def _derive(conn: Connection, spans: list[Span], extra: Sequence[int] = ()) -> list[Change]:
    """What new requests in `spans`, and the manifests `extra` becoming known, change."""
    while True:
        stored = await _read(conn, spans)
        digest_ids = {request.digest_id for rows in stored for request, _ in rows}
        digest_ids.update(request.digest_id for span in spans for request in span.new)
        after = await facts_store.load_facts(conn, sorted(digest_ids), extra)
        before = await facts_store.load_facts(conn, sorted(digest_ids)) if extra else after
        changes: list[Change] = []
        for span, rows in zip(spans, stored, strict=True):
            if (change := derive_span(span, rows, before, after)) is not None:
                changes.append(change)
            else:
                span.widen()
        if len(changes) == len(spans):
            return changes
        spans = merge_spans(spans)


async def _read(conn: Connection, spans: Sequence[Span]) -> list[list[Taken]]:
    stored: list[list[Taken]] = [[] for _ in spans]
    rows = await store.list_requests(
        conn,
        [span.repository_id for span in spans],
        [span.client_id for span in spans],
        [span.reads_from for span in spans],
        [span.until for span in spans],
    )
    for row in rows:
        request = Request(
            row["at"], row["told_at"] or row["at"], row["event_key"], row["digest_id"], row["is_head"], row["tag"]
        )
        stored[row["number"] - 1].append((request, row["consumed_by"]))
    return stored


async def _write(conn: Connection, changes: Sequence[Change], today: date, untimed: Collection[UUID] = ()) -> None:
    removed = [
        (change.span.repository_id, change.span.client_id, request.at, request.key)
        for change in changes
        for request in change.removed
    ]
    if removed:
        await store.remove_requests(conn, removed)
    new = [
        store.RequestRow(
            change.span.repository_id,
            request.at,
            request.key,
            request.digest_id,
            change.span.client_id,
            taker,
            request.is_head,
            request.tag,
            request.told_at if request.told_at != request.at else None,
            request.key not in untimed,
        )
        for change in changes
        for request, taker in change.new
    ]
    if new:
        await store.add_requests(conn, sorted(new, key=attrgetter("at")))
    taken = [
        (change.span.repository_id, change.span.client_id, request.at, request.key, taker)
        for change in changes
        for request, taker in change.taken
    ]
    if taken:
        await store.set_consumers(conn, *zip(*taken, strict=True))
    await _write_counts(conn, [change for change in changes if change.difference], today)


async def _write_counts(conn: Connection, changes: Sequence[Change], today: date) -> None:
    if not changes:
        return
    classes = await store.list_client_classes(conn, sorted({change.span.client_id for change in changes}))
    hours: defaultdict[tuple[int, datetime, int, str, str, int], Counts] = defaultdict(Counts)
    days: defaultdict[tuple[int, date, int], Counts] = defaultdict(Counts)
    pulled: dict[int, datetime | None] = {}
    recent: defaultdict[int, int] = defaultdict(int)
    for change in changes:
        span, pulled_at = change.span, change.pulled_at
        client_class = classes[span.client_id]
        for (hour, digest_id, tag, platform), counts in change.difference.items():
            hours[span.repository_id, hour, digest_id, tag, platform, client_class].add(counts)
            days[span.repository_id, hour.date(), client_class].add(counts)
            if client_class == CLIENT and hour.date() >= today - timedelta(days=WINDOW_DAYS):
                recent[span.repository_id] += counts.downloads
        if client_class == CLIENT and pulled_at is not None:
            last = pulled.get(span.repository_id)
            pulled[span.repository_id] = max(last, pulled_at) if last else pulled_at
    if hour_rows := _rows(hours):
        await rollups.change_hours(conn, hour_rows)
    if day_rows := _rows(days):
        await rollups.change_days(conn, day_rows)
    ids = sorted(pulled.keys() | recent.keys())
    await rollups.change_repositories(conn, ids, [recent[one] for one in ids], [pulled.get(one) for one in ids])


def _rows(counted: Mapping[Any, Counts]) -> list[Any]:
    return [
        (*key, counts.downloads, counts.version_checks, counts.requests)
        for key, counts in sorted(counted.items(), key=itemgetter(0))
        if counts
    ]


async def rederive(db: Pool) -> int:
    """Take newly complete manifests into the counting, and derive again what names them; returns how many it took.

    Alone: nobody records pulls meanwhile, so that every session is derived with the facts before or with those after.
    """
    if not await facts_store.list_uncounted(db, limit=1):
        return 0
    async with db.acquire() as conn, conn.transaction():
        await store.own_facts(conn)
        digest_ids = await facts_store.list_uncounted(conn, limit=TAKEN_IN_AT_ONCE)
        asked = await _asked_for(conn, digest_ids)
        while len(asked) > DERIVED_AT_ONCE and len(digest_ids) > 1:
            digest_ids = digest_ids[: len(digest_ids) // 2]
            asked = await _asked_for(conn, digest_ids)
        if asked:
            await _derive_again(conn, asked, digest_ids)
        await facts_store.mark_counted(conn, digest_ids)
    return len(digest_ids)


async def _asked_for(conn: Connection, digest_ids: Sequence[int]) -> list[asyncpg.Record]:
    return await store.list_requests_of(conn, await facts_store.list_affected(conn, digest_ids))


async def _derive_again(conn: Connection, asked: Sequence[asyncpg.Record], digest_ids: Sequence[int]) -> None:
    repository_ids = sorted({row["repository_id"] for row in asked})
    pulled_at = await rollups.lock_repositories(conn, repository_ids)
    clock = await store.read_clock(conn, retention_days=RETENTION_DAYS)
    changes = await _derive(conn, find_spans((*row, None) for row in asked), digest_ids)
    await _write(conn, changes, clock.today)
    await _correct_pulled_at(conn, changes, pulled_at, digest_ids)


async def _correct_pulled_at(
    conn: Connection,
    changes: Iterable[Change],
    pulled_at: Mapping[int, datetime | None],
    digest_ids: Sequence[int] = (),
) -> None:
    """Find the last download anew where it may have gone; `digest_ids` count as known already."""
    for repository_id in sorted(_demoted(changes, pulled_at)):
        await rollups.set_pulled_at(conn, repository_id, await _last_download(conn, repository_id, digest_ids))


def _demoted(changes: Iterable[Change], pulled_at: Mapping[int, datetime | None]) -> set[int]:
    """Repositories whose last download may turn out not to have been one: a signature, an attestation."""
    return {
        change.span.repository_id
        for change in changes
        if (last := pulled_at[change.span.repository_id]) is not None
        and change.span.since <= last <= change.span.until
        and (change.pulled_at is None or change.pulled_at < last)
    }


async def _last_download(conn: Connection, repository_id: int, digest_ids: Sequence[int]) -> datetime | None:
    """The last GET of a client that is not of an artifact: as only a later GET takes a GET, it is a download."""
    before = datetime.max.replace(tzinfo=UTC)
    while gets := await store.list_last_gets(conn, repository_id, before=before, limit=100):
        known = await facts_store.load_facts(conn, [row["digest_id"] for row in gets], digest_ids)
        for row in gets:
            if row["digest_id"] not in known.artifacts:
                last: datetime = row["at"]
                return last
        before = gets[-1]["at"]
    return await rollups.last_hour_with_downloads(conn, repository_id)


async def keep_counted(db: Pool) -> None:
    """Take manifests into the counting as they become known; runs until cancelled, through outages of the database."""
    while True:
        pause = OUTAGE_SECONDS
        with outage_logged("manifests not taken into the counting"):
            pause = 0 if await rederive(db) else POLL_SECONDS
        await asyncio.sleep(pause)
