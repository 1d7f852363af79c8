"""Derives what a tag pointed to over time from its log. Order and repetition of the log's rows change nothing.

The rules (see docs/architecture.md, "History"):

- An observation is valid from its time on. A confirmed scan counts at its own time and at `confirmed_at`.
- Facts of the same time are ordered by the sender's time, then by their position in the delivery.
- Exact facts from different deliveries are in dispute when they differ and lie no further apart than the resolution of
  the registry's clock. None of them is exact until a later scan names one of them; that one then counts as the last.
- A scan that disagrees with an exact fact less than 5 s away is ignored, because the clocks cannot tell which came
  first. If the exact facts show the scanned state within the same second, the scan crossed an event and contradicts
  nothing.
- Deleting a manifest deletes the tag if the tag points to it at that time. Deleting a repository always does.
- Consecutive facts with the same digest form one entry, which begins with the first of them. If the first is a scan, an
  exact observation of the same digest within one second replaces its time and actor.

The presence of a manifest follows the same rules: it points to itself while it is in the repository.
"""

import uuid
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

from regdex.events import Source, delivery_of


class Row(Protocol):
    """A row of a log, as the driver returns it."""

    def __getitem__(self, name: str, /) -> Any: ...


CONTRADICTION = timedelta(seconds=5)
PROMOTION = timedelta(seconds=1)
# How far the time that a registry reports may lie from the moment when it read or wrote.
CROSSING = timedelta(seconds=0.5)
NO_TIME = timedelta(0)


class Observation(NamedTuple):
    """A tag pointed to a digest at a time, or (None) did not exist. `exact` if the registry reported the time.

    `told_at` is the sender's time where it differs from `at`. `told_nanos` and `position` are copied from the event.
    """

    at: datetime
    digest_id: int | None
    exact: bool
    source: Source | int
    actor_id: int | None
    event_key: uuid.UUID
    confirmed_at: datetime | None = None
    told_at: datetime | None = None
    told_nanos: int | None = None
    position: int | None = None

    @classmethod
    def of(cls, row: Row) -> Self:
        """Build from a row that has columns of these names."""
        return cls(
            row["at"],
            row["digest_id"],
            row["exact"],
            row["source"],
            row["actor_id"],
            row["event_key"],
            row["confirmed_at"],
            row["told_at"],
            row["told_nanos"],
            row["position"],
        )


class Gone(NamedTuple):
    """A manifest was deleted with the tags that pointed to it, or (None) the repository with everything in it."""

    at: datetime
    digest_id: int | None
    exact: bool
    source: Source | int
    actor_id: int | None
    event_key: uuid.UUID
    told_at: datetime | None = None
    told_nanos: int | None = None
    position: int | None = None

    @classmethod
    def of(cls, row: Row) -> Self:
        """Build from a row that has columns of these names."""
        return cls(
            row["at"],
            row["digest_id"],
            row["exact"],
            row["source"],
            row["actor_id"],
            row["event_key"],
            row["told_at"],
            row["told_nanos"],
            row["position"],
        )


class Entry(NamedTuple):
    """Since `at` the tag points to `digest_id` (None: it does not exist); this was last observed at `last_at`.

    Unless `exact`, the change happened in (`not_before`, `at`]; `not_before` is None where no lower bound is known.
    """

    digest_id: int | None
    at: datetime
    exact: bool
    not_before: datetime | None
    actor_id: int | None
    source: Source | int
    last_at: datetime


class Doubts(NamedTuple):
    """Times of facts that a scan has to settle.

    `explained` holds the times of scans that appear to have crossed an event, `open` all other times.
    """

    open: list[datetime]
    explained: list[datetime]

    def __bool__(self) -> bool:
        return bool(self.open or self.explained)


class _Point(NamedTuple):
    """A fact at one time at which it counts. Points are ordered by all fields but the last two."""

    at: datetime
    told_at: datetime
    told_nanos: int
    position: int
    present: bool
    key: bytes
    fact: Observation | Gone
    exact: bool

    @property
    def outcome(self) -> int | None:
        """The digest that the tag points to after this fact, if the fact applies."""
        return None if isinstance(self.fact, Gone) else self.fact.digest_id

    @property
    def delivery(self) -> object:
        """Equal for facts from one delivery: their sender has ordered them."""
        return delivery_of(self.position) if self.position else self.key


_order = itemgetter(0, 1, 2, 3, 4, 5)
# Time and digest of an exact fact, and whether the fact is a deletion of that digest.
_Told: TypeAlias = tuple[datetime, int | None, bool]


def derive(
    observations: Iterable[Observation], gone: Iterable[Gone] = (), *, resolution: timedelta = NO_TIME
) -> list[Entry]:
    """Return the entries of one tag, oldest first; consecutive entries differ in their digest."""
    points, _ = _kept(list(observations), list(gone))
    return _entries(_settled(points, resolution)[0])


def find_doubts(
    observations: Iterable[Observation], gone: Iterable[Gone] = (), *, resolution: timedelta = NO_TIME
) -> Doubts:
    """Return the times of facts in dispute and of ignored scans, except those that a later fact has settled."""
    observations, gone = list(observations), list(gone)
    points, ignored = _kept(observations, gone)
    points, disputed = _settled(points, resolution)
    last = points[-1].at if points else None
    unsettled = [scan for scan in ignored if last is None or last <= scan[0] + CONTRADICTION]
    told = _told(observations, gone) if unsettled else []
    doubts = Doubts([at for at in disputed if at == last], [])
    for at, digest_id in unsettled:
        is_explained = _is_explained(points, told, ignored, at, digest_id)
        (doubts.explained if is_explained else doubts.open).append(at)
    return doubts


def is_settled(newest_rows: Sequence[Observation], entry: Entry, *, resolution: timedelta = NO_TIME) -> bool:
    """Return whether rows older than `newest_rows` cannot change `entry`, the last entry derived from these rows.

    An exact observation is valid whatever came before it. It has to belong to an earlier entry, because otherwise the
    entry might begin before it; and it has to be far enough from the oldest row that every fact which could contradict
    it or tie with it is among the rows.
    """
    return any(at < entry.at - PROMOTION for at in _certain(newest_rows, resolution))


def is_outcome_settled(newest_rows: Sequence[Observation], *, resolution: timedelta = NO_TIME) -> bool:
    """Return whether older rows cannot change the digest of the last entry; its time may still change."""
    return any(_certain(newest_rows, resolution))


def _certain(rows: Sequence[Observation], resolution: timedelta) -> Iterator[datetime]:
    """Yield the times of exact facts that are far enough from the oldest of `rows` and tie with no other fact."""
    horizon = min(fact.at for fact in rows) + CONTRADICTION + resolution
    exact = sorted((fact.told_at or fact.at, fact.at) for fact in rows if fact.exact)
    for number, (told_at, at) in enumerate(exact):
        others = exact[max(number - 1, 0) : number] + exact[number + 1 : number + 2]
        if at > horizon and all(abs(other - told_at) > resolution for other, _ in others):
            yield at


def _kept(observations: list[Observation], gone: list[Gone]) -> tuple[list[_Point], list[tuple[datetime, int | None]]]:
    """Return the points in order, and time and digest of the scans that disagree with an exact fact."""
    ignored: list[tuple[datetime, int | None]] = []
    points = [_point(fact, fact.at) for fact in gone]
    told: list[_Told] | None = None
    for fact in observations:
        if fact.source != Source.SCAN:
            points.append(_point(fact, fact.at))
            continue
        if told is None:
            told = _told(observations, gone)
        for at in (fact.at,) if fact.confirmed_at is None else (fact.at, fact.confirmed_at):
            if _contradicted(told, at, fact.digest_id):
                ignored.append((at, fact.digest_id))
            else:
                points.append(_point(fact, at))
    points.sort(key=_order)
    return points, ignored


def _point(fact: Observation | Gone, at: datetime) -> _Point:
    # The key comes last, not the digest: the ids of digests depend on the order of arrival, keys do not.
    return _Point(
        at,
        fact.told_at or at,
        fact.told_nanos or 0,
        fact.position or 0,
        isinstance(fact, Observation) and fact.digest_id is not None,
        fact.event_key.bytes,
        fact,
        fact.exact,
    )


def _told(observations: list[Observation], gone: list[Gone]) -> list[_Told]:
    """Return the exact facts in the order of their time."""
    told = [(fact.at, fact.digest_id, False) for fact in observations if fact.exact]
    told += [(fact.at, fact.digest_id, True) for fact in gone if fact.exact]
    told.sort(key=itemgetter(0))
    return told


def _contradicted(told: list[_Told], at: datetime, digest_id: int | None) -> bool:
    """Return whether an exact fact within CONTRADICTION of `at` disagrees with a scan of `digest_id`."""
    first = bisect_left(told, at - CONTRADICTION, key=itemgetter(0))
    last = bisect_right(told, at + CONTRADICTION, key=itemgetter(0))
    for _, other, is_gone in told[first:last]:
        if not is_gone:
            if other != digest_id:
                return True
        elif digest_id is not None and other in (None, digest_id):
            return True
    return False


def _is_explained(
    points: Sequence[_Point],
    told: Sequence[_Told],
    ignored: Sequence[tuple[datetime, int | None]],
    at: datetime,
    digest_id: int | None,
) -> bool:
    """Return whether the exact facts near a scan show the scanned state within the second of the scan.

    A registry dates its answers in whole seconds. Before the first known fact, any state is possible.
    """
    start, end = at.replace(microsecond=0) - CROSSING, at + CROSSING
    first = bisect_left(told, start, key=itemgetter(0))
    near = told[first : bisect_right(told, end, key=itemgetter(0))]
    earlier = _entries(point for point in points if point.at < start)
    held = earlier[-1].digest_id if earlier else None
    if held == digest_id if earlier else told[0][0] > at - PROMOTION:
        return True
    for before, found in ignored:  # an earlier scan found the same before the event that this scan crossed
        if near and before < at and found == digest_id and bisect_right(told, before, key=itemgetter(0)) == first:
            return True
    for _, other, is_gone in near:
        if not is_gone:
            held = other
        elif other in (None, held):
            held = None
        if held == digest_id:
            return True
    return False


def _settled(points: list[_Point], resolution: timedelta) -> tuple[list[_Point], list[datetime]]:
    """Decide disputes that a scan has answered, and make the points of all others not exact.

    Returns the points and the times of the open disputes.
    """
    open_at: list[datetime] = []
    for tie in reversed(_ties(points, resolution)):
        last = tie[-1]
        answer = _answer(points, last + 1)
        named = [index for index in tie if answer is not None and points[index].outcome == answer.outcome]
        if not named:
            open_at.append(points[last].at)
            for index in tie:
                points[index] = points[index]._replace(exact=False)
        elif named[-1] != last:
            ends_at = points[last].at
            winner = points.pop(named[-1])
            points.insert(last, winner._replace(at=ends_at, exact=winner.at == ends_at))
    return points, open_at


def _answer(points: Sequence[_Point], start: int) -> _Point | None:
    """Return the point at `start` if it is a scan late enough to show which of the facts before it was the last."""
    if start == len(points):
        return None
    point = points[start]
    is_answer = point.fact.source == Source.SCAN and point.at > points[start - 1].at + CONTRADICTION
    return point if is_answer else None


def _ties(points: Sequence[_Point], resolution: timedelta) -> list[list[int]]:
    """Return groups of exact facts, by index, from different deliveries and too close for the registry's clock.

    The deletion of a manifest joins a group only if a push of that manifest is as close to it: it cannot affect others.
    """
    named: defaultdict[int | None, list[_Point]] = defaultdict(list)
    for point in points:
        if point.exact and isinstance(point.fact, Observation):
            named[point.fact.digest_id].append(point)
    ties: list[list[int]] = []
    group: list[int] = []
    for index, point in enumerate(points):
        if not point.exact or not _is_named(point, named[point.fact.digest_id], resolution):
            continue
        if group and not _is_close(points[group[-1]], point, resolution):
            ties.append(group)
            group = []
        group.append(index)
    ties.append(group)
    return [tie for tie in ties if len(tie) > 1 and _is_disputed([points[index] for index in tie])]


def _is_named(point: _Point, named: Iterable[_Point], resolution: timedelta) -> bool:
    """Return False for the deletion of a manifest if none of `named`, the facts that point to it, is close."""
    is_of_manifest = isinstance(point.fact, Gone) and point.fact.digest_id is not None
    return not is_of_manifest or any(_is_close(point, other, resolution) for other in named)


def _is_close(one: _Point, other: _Point, resolution: timedelta) -> bool:
    if resolution:
        return abs(other.told_at - one.told_at) <= resolution
    return (one.told_at, one.told_nanos) == (other.told_at, other.told_nanos)


def _is_disputed(tie: Sequence[_Point]) -> bool:
    """Return whether these facts come from different deliveries and leave the tag in different states."""
    digest_ids = {point.fact.digest_id for point in tie if isinstance(point.fact, Observation)}
    facts = [
        point for point in tie if isinstance(point.fact, Observation) or point.fact.digest_id in (None, *digest_ids)
    ]
    return len({point.outcome for point in facts}) > 1 and len({point.delivery for point in facts}) > 1


def _entries(points: Iterable[_Point]) -> list[Entry]:
    entries: list[Entry] = []
    last: Entry | None = None
    for point in points:
        fact, at, exact = point.fact, point.at, point.exact
        if isinstance(fact, Gone):
            applies = last is not None and fact.digest_id in (None, last.digest_id)
            if not applies:
                continue
            digest_id = None
        else:
            digest_id = fact.digest_id
        if last is None or last.digest_id != digest_id:
            if last is not None:
                entries.append(last)
            not_before = None if exact or last is None else last.last_at
            last = Entry(digest_id, at, exact, not_before, fact.actor_id, fact.source, at)
        elif exact and not last.exact and last.source == Source.SCAN and at - last.at <= PROMOTION:
            last = Entry(digest_id, at, True, None, fact.actor_id, fact.source, at)
        else:
            last = last._replace(last_at=at)
    if last is not None:
        entries.append(last)
    return entries
