"""What a tag pointed to over time, derived from its log; pure, and the same for any order and repetition of the log.

The rules (see docs/architecture.md, "History"):

- An observation holds from its time on. A scan that was confirmed counts at its own time and at `confirmed_at`.
- A scan that disagrees with an exact fact within 5 s of it is passed over: the clocks cannot say which came first.
- A manifest that is gone takes the tag with it if the tag points to it then; a repository that is gone always does.
- Equal neighbours are one entry, of the first one's time. If that one is a scan, an exact observation of the same
  within a second after it knows time and actor better.

The presence of a manifest is derived by the same rules: it points to itself while it is there.
"""

import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from regdex.events import Source

CONTRADICTION = timedelta(seconds=5)
PROMOTION = timedelta(seconds=1)


class Observation(NamedTuple):
    """A tag was seen to point to a digest, or (None) to be gone; `exact` when the registry told the time."""

    at: datetime
    digest_id: int | None
    exact: bool
    source: Source | int
    actor_id: int | None
    event_key: uuid.UUID
    confirmed_at: datetime | None = None


class Gone(NamedTuple):
    """A manifest is gone and takes tags with it, or (None) the repository is gone with everything."""

    at: datetime
    digest_id: int | None
    exact: bool
    source: Source | int
    actor_id: int | None
    event_key: uuid.UUID


class Entry(NamedTuple):
    """Since `at` the tag points to `digest_id` (None: it is gone); last seen so at `last_at`.

    Unless `exact`, it came to be so somewhere in (`not_before`, `at`]; `not_before` is None where nothing is known.
    """

    digest_id: int | None
    at: datetime
    exact: bool
    not_before: datetime | None
    actor_id: int | None
    source: Source | int
    last_at: datetime


# Time, whether it is there, the key to order equals by, and where the point is from.
_Point: TypeAlias = tuple[datetime, bool, bytes, Observation | Gone]


def derive(observations: Iterable[Observation], gone: Iterable[Gone] = ()) -> list[Entry]:
    """The entries of one tag, oldest first; neighbours differ in their digest."""
    return _entries(_kept(list(observations), list(gone))[0])


def contradictions(observations: Iterable[Observation], gone: Iterable[Gone] = ()) -> list[datetime]:
    """Times of scans that were passed over and that nothing later has settled: the registry is to be asked again."""
    observations = list(observations)
    if all(fact.exact for fact in observations):
        return []
    kept, ignored = _kept(observations, list(gone))
    settled = kept[-1][0] if kept else None
    return sorted(at for at in ignored if settled is None or settled <= at + CONTRADICTION)


def is_settled(newest_rows: Sequence[Observation], entry: Entry) -> bool:
    """True when rows older than `newest_rows` cannot change `entry`, the last that was derived from them.

    An exact observation holds whatever was before it. It has to be of an earlier entry, or the entry might begin before
    it; and far enough from where the rows end for all that could contradict a scan to be among them.
    """
    horizon = min(fact.at for fact in newest_rows) + CONTRADICTION
    return any(fact.exact and horizon < fact.at < entry.at - PROMOTION for fact in newest_rows)


def is_present(newest_rows: Sequence[Observation], entry: Entry) -> bool | None:
    """What `entry`, derived from the newest rows of a manifest, says of it now; None when older rows could say else."""
    horizon = min(fact.at for fact in newest_rows) + CONTRADICTION
    return entry.digest_id is not None if any(fact.exact and fact.at > horizon for fact in newest_rows) else None


def _kept(observations: list[Observation], gone: list[Gone]) -> tuple[list[_Point], list[datetime]]:
    """Points in order, and the times of the scans that disagree with an exact fact."""
    ignored: list[datetime] = []
    points: list[_Point] = [(fact.at, False, fact.event_key.bytes, fact) for fact in gone]
    told: list[tuple[datetime, int | None, bool]] | None = None
    for fact in observations:
        present, key = fact.digest_id is not None, fact.event_key.bytes
        if fact.exact:
            points.append((fact.at, present, key, fact))
            continue
        if told is None:
            told = _told(observations, gone)
        for at in (fact.at,) if fact.confirmed_at is None else (fact.at, fact.confirmed_at):
            if _contradicted(told, at, fact.digest_id):
                ignored.append(at)
            else:
                points.append((at, present, key, fact))
    # By key rather than by digest among equals: numbers of digests depend on the order of arrival, keys do not.
    points.sort(key=itemgetter(0, 1, 2))
    return points, ignored


def _told(observations: list[Observation], gone: list[Gone]) -> list[tuple[datetime, int | None, bool]]:
    """Exact facts in order: time, digest, and whether it says that the digest is gone rather than pointed to."""
    told = [(fact.at, fact.digest_id, False) for fact in observations if fact.exact]
    told += [(fact.at, fact.digest_id, True) for fact in gone if fact.exact]
    return sorted(told, key=itemgetter(0))


def _contradicted(told: Sequence[tuple[datetime, int | None, bool]], at: datetime, digest_id: int | None) -> bool:
    first = bisect_left(told, at - CONTRADICTION, key=itemgetter(0))
    last = bisect_right(told, at + CONTRADICTION, key=itemgetter(0))
    for _, other, is_gone in told[first:last]:
        if not is_gone:
            if other != digest_id:
                return True
        elif digest_id is not None and other in (None, digest_id):
            return True
    return False


def _entries(points: Iterable[_Point]) -> list[Entry]:
    entries: list[Entry] = []
    last: Entry | None = None
    for at, _, _, fact in points:
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
            not_before = None if fact.exact or last is None else last.last_at
            last = Entry(digest_id, at, fact.exact, not_before, fact.actor_id, fact.source, at)
        elif fact.exact and not last.exact and at - last.at <= PROMOTION:
            last = Entry(digest_id, at, True, None, fact.actor_id, fact.source, at)
        else:
            last = last._replace(last_at=at)
    if last is not None:
        entries.append(last)
    return entries
