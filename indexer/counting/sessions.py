"""Finds the part of a client's requests whose counts new requests or new facts can change; no I/O.

The counting rule takes requests in order, so requests before the first change keep their stored result. Some time after
the last change the old and the new results agree on every request; from there on nothing changes.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

from regdex.counting import REACH, WINDOW, Bucket, Counts, Facts, Request, count, last_download, pair

# The results almost always agree after this time; when they do not, the span is widened.
LOOK_AHEAD = REACH + 2 * WINDOW
WIDER = 8

Taken: TypeAlias = "tuple[Request, UUID | None]"


@dataclass(slots=True)
class Span:
    """A range of one client's requests for one repository: changes are between `since` and `until` - LOOK_AHEAD."""

    repository_id: int
    client_id: int
    since: datetime
    until: datetime
    new: list[Request] = field(default_factory=list)
    # Keys of rows to delete: the same requests are in `new` of this or another span, with an earlier time.
    removed: set[UUID] = field(default_factory=set)

    @property
    def reads_from(self) -> datetime:
        return self.since - REACH

    def widen(self) -> None:
        """Look further ahead, because the results did not agree yet."""
        self.until += WIDER * (self.until - self.since)


class Change(NamedTuple):
    """The changes in a span: rows to add and to delete, rows with another taker than before, and changed counts."""

    span: Span
    new: list[Taken]
    removed: list[Request]
    taken: list[Taken]
    difference: dict[Bucket, Counts]
    pulled_at: datetime | None


def find_spans(changes: Iterable[tuple[int, int, datetime, Request | UUID | None]]) -> list[Span]:
    """Return spans around changes; changes whose spans would overlap share one.

    A change is (repository, client, time, what): a new request, the key of a request to delete, or None.
    """
    by_client: dict[tuple[int, int], list[tuple[datetime, Request | UUID | None]]] = {}
    for repository_id, client_id, at, request in changes:
        by_client.setdefault((repository_id, client_id), []).append((at, request))
    spans: list[Span] = []
    for (repository_id, client_id), moments in by_client.items():
        moments.sort(key=_at)
        for at, request in moments:
            if not (spans and _joins(spans[-1], repository_id, client_id, at)):
                spans.append(Span(repository_id, client_id, at, at))
            spans[-1].until = at + LOOK_AHEAD
            if isinstance(request, Request):
                spans[-1].new.append(request)
            elif request is not None:
                spans[-1].removed.add(request)
    return spans


def merge_spans(spans: Sequence[Span]) -> list[Span]:
    """Merge spans that overlap after some were widened."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.repository_id, span.client_id, span.since)):
        if merged and _joins(merged[-1], span.repository_id, span.client_id, span.since):
            merged[-1].until = max(merged[-1].until, span.until)
            merged[-1].new += span.new
            merged[-1].removed |= span.removed
        else:
            merged.append(span)
    return merged


def _at(moment: tuple[datetime, object]) -> datetime:
    return moment[0]


def _joins(span: Span, repository_id: int, client_id: int, since: datetime) -> bool:
    same = span.repository_id == repository_id and span.client_id == client_id
    return same and since - REACH <= span.until


def derive_span(span: Span, stored: Sequence[Taken], before: Facts, after: Facts) -> Change | None:
    """Return the changes that `span.new` and new facts cause to `stored`, the requests of the span in any order.

    None when the results do not agree at the end of the span: widen it.
    """
    if not stored and len(span.new) == 1:  # the usual case: no other request to pair with
        difference = count(span.new, {}, after)
        return Change(span, [(span.new[0], None)], [], [], difference, last_download(span.new, {}, after))
    known = {request.key: taker for request, taker in stored}
    removed = [request for request, _ in stored if request.key in span.removed]
    new = {request.key: request for request in span.new if request.key not in known or request.key in span.removed}
    if not new and not removed and before is after:
        return Change(span, [], [], [], {}, None)
    old = sorted(request for request, _ in stored)
    requests = sorted([*(request for request in old if request.key not in span.removed), *new.values()])
    changed = [*new.values(), *removed]
    start = bisect_left(requests, min(changed) if changed else (span.since,))
    earlier = {request.key for request in requests[:start]}
    settled = {key: taker for key in earlier if (taker := known[key]) in earlier}
    consumers = pair(requests, after, start=start, settled=settled)

    taken: list[Taken] = []
    for request, taker in stored:
        if request.key in span.removed:
            continue
        taker_now = consumers.get(request.key)
        if taker is not None and taker not in known and taker_now is None:
            consumers[request.key] = taker  # the taker is after the end of the span
        elif taker_now != taker:
            if request.at > span.until - REACH:
                return None
            taken.append((request, taker_now))
    difference = count(requests, consumers, after)
    for bucket, counts in count(old, {key: taker for key, taker in known.items() if taker}, before).items():
        difference.setdefault(bucket, Counts()).add(counts, -1)
    return Change(
        span,
        [(request, consumers.get(key)) for key, request in new.items()],
        removed,
        taken,
        {bucket: counts for bucket, counts in difference.items() if counts},
        last_download(requests, consumers, after),
    )
