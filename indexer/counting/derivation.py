"""Derives counts from requests within spans, and writes requests and counts."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from indexer.counting.sessions import Change, Span, Taken, derive_span, merge_spans
from regdex.counting import Counts, Request
from regdex.database import Connection
from regdex.store.pulls import facts as facts_store
from regdex.store.pulls import requests as store
from regdex.store.pulls import rollups

WINDOW_DAYS = 30
CLIENT = 1


async def derive(conn: Connection, spans: list[Span], extra: Sequence[int] = ()) -> list[Change]:
    """Return the changes that new requests in `spans` cause, and the manifests `extra` becoming known."""
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


async def write(conn: Connection, changes: Sequence[Change], today: date, untimed: Collection[UUID] = ()) -> None:
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


async def correct_pulled_at(
    conn: Connection,
    changes: Iterable[Change],
    pulled_at: Mapping[int, datetime | None],
    digest_ids: Sequence[int] = (),
) -> None:
    """Determine the last download of a repository again where it may be none; `digest_ids` count as known already."""
    for repository_id in sorted(_demoted(changes, pulled_at)):
        await rollups.set_pulled_at(conn, repository_id, await _last_download(conn, repository_id, digest_ids))


def _demoted(changes: Iterable[Change], pulled_at: Mapping[int, datetime | None]) -> set[int]:
    """Return the repositories whose last download may not be one: the manifest is a signature or an attestation."""
    return {
        change.span.repository_id
        for change in changes
        if (last := pulled_at[change.span.repository_id]) is not None
        and change.span.since <= last <= change.span.until
        and (change.pulled_at is None or change.pulled_at < last)
    }


async def _last_download(conn: Connection, repository_id: int, digest_ids: Sequence[int]) -> datetime | None:
    """Return the time of the last GET by a client that is not for an artifact.

    It is a download, because only a later GET can be counted in its place.
    """
    before = datetime.max.replace(tzinfo=UTC)
    while gets := await store.list_last_gets(conn, repository_id, before=before, limit=100):
        known = await facts_store.load_facts(conn, [row["digest_id"] for row in gets], digest_ids)
        for row in gets:
            if row["digest_id"] not in known.artifacts:
                last: datetime = row["at"]
                return last
        before = gets[-1]["at"]
    return await rollups.last_hour_with_downloads(conn, repository_id)
