"""Counting rule 1: derives downloads from the manifest requests of one client in one repository. Pure functions.

One `docker pull` sends several requests. The rule joins them: a later request takes an earlier one, and both then
count as one download. Requests are processed in the order of (at, told_at, key):
- A GET takes the oldest HEAD of its digest that no GET has taken. If it has no tag, it gets the HEAD's.
- A GET of a child takes the oldest GET of its index that no child has taken: the two are one download of the index,
  with the index's tag, on the child's platform, at the time of the child. An index within an index is a child too.
- A request can be taken for 60 s. A GET that was not taken counts as a download, a HEAD as a version check.
- Requests for signatures, SBOMs and attestations are neither downloads nor version checks.
- Every request also counts in `requests`, under the digest, tag and platform of its download, in its own hour.

A request never changes what earlier requests took. A late request is therefore counted by repeating the rule from its
own time on (`indexer.counting`).
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias
from uuid import UUID

from regdex.reference import spelled_digest

RULE = 1
WINDOW = timedelta(seconds=60)
# An image takes its index, which takes the index around it: two steps. One download spans at most REACH.
MAX_DEPTH = 2
REACH = WINDOW * (1 + MAX_DEPTH)


class Request(NamedTuple):
    """One GET or HEAD of a manifest. The order of the fields is the order in which requests are counted.

    `told_at` is the sender's time. It orders requests that were received at the same time from a sender whose clock is
    ahead.
    """

    at: datetime
    told_at: datetime
    key: UUID
    digest_id: int
    is_head: bool
    tag: str | None


class Bucket(NamedTuple):
    """The key of a count. `tag` and `platform` are empty where there is none or where it is unknown."""

    hour: datetime
    digest_id: int
    tag: str
    platform: str


@dataclass(slots=True)
class Counts:
    """The three counts of a bucket. They are never added to each other."""

    downloads: int = 0
    version_checks: int = 0
    requests: int = 0

    def add(self, other: "Counts", sign: int = 1) -> None:
        self.downloads += sign * other.downloads
        self.version_checks += sign * other.version_checks
        self.requests += sign * other.requests

    def __bool__(self) -> bool:
        return bool(self.downloads or self.version_checks or self.requests)


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about manifests by digest id: `platforms[image]` and `listings[child][index]` are platforms."""

    artifacts: frozenset[int] = frozenset()
    platforms: Mapping[int, str] = field(default_factory=dict)
    listings: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    indexes: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls, artifacts: Iterable[int], platforms: Mapping[int, str], listings: Iterable[tuple[int, int, str]]
    ) -> "Facts":
        """Build the facts; `listings` are tuples (index, child, platform)."""
        by_child: dict[int, dict[int, str]] = {}
        indexes = set()
        for index, child, platform in listings:
            by_child.setdefault(child, {})[index] = platform
            indexes.add(index)
        return cls(frozenset(artifacts), platforms, by_child, frozenset(indexes))

    def platform_in(self, index: int, child: int) -> str:
        return self.listings.get(child, {}).get(index) or self.platforms.get(child, "")


Consumers: TypeAlias = dict[UUID, UUID]


def pair(
    requests: Sequence[Request], facts: Facts, *, start: int = 0, settled: Mapping[UUID, UUID] | None = None
) -> Consumers:
    """Return which request took which, as taken → taker. `requests` are sorted.

    The first `start` requests keep what `settled` says that they took.
    """
    consumers = dict(settled or {})
    inherited: dict[UUID, str] = {}
    depths: dict[UUID, int] = {}
    heads: dict[int, deque[Request]] = {}
    indexes: dict[int, deque[Request]] = {}

    def take(taken: Request, taker: UUID) -> None:
        consumers[taken.key] = taker
        if not taken.is_head:
            depths[taker] = depths.get(taken.key, 0) + 1
        elif taken.tag:
            inherited[taker] = taken.tag

    for position, request in enumerate(requests):
        at, _, key, digest_id, is_head, tag = request
        if digest_id in facts.artifacts:
            continue
        if position < start:
            if (taker := consumers.get(key)) is not None:
                take(request, taker)
                continue
        elif not is_head and (head := _take_oldest(heads, (digest_id,), at)) is not None:
            take(head, key)
        if is_head:
            heads.setdefault(digest_id, deque()).append(request)
            continue
        tag = tag or inherited.get(key)
        if tag is not None and spelled_digest(tag):
            continue
        parents = facts.listings.get(digest_id)
        if parents and position >= start and (index := _take_oldest(indexes, parents, at)) is not None:
            take(index, key)
        if digest_id in facts.indexes and depths.get(key, 0) < MAX_DEPTH:
            indexes.setdefault(digest_id, deque()).append(request)
    return consumers


def _take_oldest(waiting: Mapping[int, deque[Request]], digest_ids: Iterable[int], at: datetime) -> Request | None:
    oldest: deque[Request] | None = None
    for digest_id in digest_ids:
        queue = waiting.get(digest_id)
        while queue and at - queue[0].at > WINDOW:
            queue.popleft()
        if queue and (oldest is None or queue[0] < oldest[0]):
            oldest = queue
    return oldest.popleft() if oldest else None


class _Part(NamedTuple):
    """A taken request. `times` are the times of the requests that it took itself."""

    request: Request
    digest_id: int
    tag: str
    times: tuple[datetime, ...]


def count(requests: Sequence[Request], consumers: Mapping[UUID, UUID], facts: Facts) -> dict[Bucket, Counts]:
    """Return the counts of `requests`, which are sorted; `consumers` says which request took which.

    A request whose taker is not among `requests` is not counted.
    """
    counted: defaultdict[Bucket, Counts] = defaultdict(Counts)
    taken: dict[UUID, list[_Part]] = {}
    for request in requests:
        part, platform = _join(request, taken.pop(request.key, ()), facts)
        taker = consumers.get(request.key)
        if taker is not None:
            taken.setdefault(taker, []).append(part)
            continue
        is_artifact = request.digest_id in facts.artifacts or spelled_digest(part.tag) is not None
        if is_artifact:
            platform = ""
        own = counted[Bucket(_hour(request.at), part.digest_id, part.tag, platform)]
        own.requests += 1
        if not is_artifact:
            own.downloads += not request.is_head
            own.version_checks += request.is_head
        for at in part.times:
            counted[Bucket(_hour(at), part.digest_id, part.tag, platform)].requests += 1
    return counted


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _join(request: Request, parts: Iterable[_Part], facts: Facts) -> tuple[_Part, str]:
    digest_id, tag = request.digest_id, request.tag or ""
    times: tuple[datetime, ...] = ()
    platform = facts.platforms.get(digest_id, "")
    index: _Part | None = None
    for part in parts:
        times += (part.request.at, *part.times)
        if part.request.is_head:
            tag = tag or part.tag
        else:
            index = part
    if index is not None:
        platform = facts.platform_in(index.request.digest_id, digest_id)
        digest_id, tag = index.digest_id, index.tag
    return _Part(request, digest_id, tag, times), platform


def last_download(requests: Sequence[Request], consumers: Mapping[UUID, UUID], facts: Facts) -> datetime | None:
    """Return the time of the last download among `requests`, with arguments as in `count`; None without downloads."""
    artifacts = {
        consumers.get(request.key)
        for request in requests
        if request.is_head and request.tag is not None and spelled_digest(request.tag)
    }
    for at, _, key, digest_id, is_head, tag in reversed(requests):
        if is_head or key in consumers or digest_id in facts.artifacts:
            continue
        if (tag is None and key not in artifacts) or (tag is not None and not spelled_digest(tag)):
            return at
    return None


def derive(requests: Iterable[Request], facts: Facts) -> dict[Bucket, Counts]:
    """Apply the rule to all requests of one client in one repository, in any order and with repetitions."""
    ordered = sorted({(request.at, request.key): request for request in requests}.values())
    return count(ordered, pair(ordered, facts), facts)
