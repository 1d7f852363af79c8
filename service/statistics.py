"""Use cases of statistics: downloads over time, and the most downloaded repositories."""

from datetime import UTC, date, datetime, time, timedelta

import asyncpg

from regdex.counting import RULE
from regdex.database import Database
from regdex.digest import Digest
from regdex.errors import InvalidArgument
from regdex.store.catalog import registries
from regdex.store.catalog.registries import Spoken
from regdex.store.pulls import downloads, rankings
from service.caller import Caller
from service.catalog.repositories import Answer, find_registry, find_repository_id
from service.completeness import SUBJECTS, watermark_of
from service.context import Context
from service.models.statistics import GetDownloadsRequest, ListTopRepositoriesRequest

DEFAULT_DAYS = 30
DEFAULT_LIMIT = 10
# The longest range of a request, in days, by its interval.
MAX_DAYS = {"hour": 31, "day": 2 * 366, "month": 10 * 366, "": 10 * 366}
# The same for requests without a repository that are hourly or grouped.
MAX_DAYS_WITHOUT_REPOSITORY = 7
MAX_BUCKETS = 10_000
# How many more candidates are ranked at a time than repositories were requested.
SPARE_CANDIDATES = 50


async def get_downloads(context: Context, caller: Caller, request: GetDownloadsRequest) -> Answer:
    """Return downloads, version checks and requests over time; periods without requests have no bucket."""
    db = context.db
    if request.repository and not request.registry:
        raise InvalidArgument("registry: is required with repository")
    if (request.tag or request.digest) and not request.repository:
        raise InvalidArgument("repository: is required with tag and digest")
    now = await downloads.current_time(db)
    within = _range(request, now)
    by_tag, by_platform = "tag" in request.group_by, "platform" in request.group_by
    by_hour = request.interval == "hour" or by_tag or by_platform
    if request.repository:
        repository_id = await find_repository_id(db, caller, request.registry, request.repository)
        if by_hour or request.tag or request.digest:
            digest = Digest.parse(request.digest) if request.digest else None
            rows = await downloads.count_repository_hours(
                db, repository_id, within, tag=request.tag, digest=digest, by_tag=by_tag, by_platform=by_platform
            )
        else:
            rows = await downloads.count_repository_days(db, repository_id, within)
    else:
        if request.registry:
            await find_registry(db, caller, request.registry)
        if by_hour:
            _check_length(
                "from", within, MAX_DAYS_WITHOUT_REPOSITORY, "an hourly or grouped range without a repository"
            )
            rows = await downloads.count_hours(
                db, caller.projects, request.registry, within, by_tag=by_tag, by_platform=by_platform
            )
        else:
            rows = await downloads.count_days(db, caller.projects, request.registry, within)
    if len(rows) > MAX_BUCKETS:
        raise InvalidArgument(f"interval: the answer has more than {MAX_BUCKETS} buckets; use a shorter range")
    spoken = Spoken(SUBJECTS["GetDownloads"], None, within.since, min(within.until, now))
    watermark = await registries.get_watermark(db, request.registry, spoken)
    return {
        "buckets": [dict(row) for row in rows],
        "downloads": sum(row["downloads"] for row in rows),
        "version_checks": sum(row["version_checks"] for row in rows),
        "requests": sum(row["requests"] for row in rows),
        "rule": RULE,
        **watermark_of(watermark),
    }


def _range(request: GetDownloadsRequest, now: datetime) -> downloads.Range:
    """Return the requested range in full hours. `from` is rounded down and `to` up, to include the current hour."""
    until = request.to or now
    try:
        since = _hour(request.from_ if request.from_ is not None else until - _default_range(request))
        until = _hour(until + timedelta(hours=1) - timedelta(microseconds=1))
        within = downloads.Range(since=since, until=until, unit=request.interval or "", limit=MAX_BUCKETS + 1)
        _ = within.days
    except OverflowError:
        raise InvalidArgument("from: out of range") from None
    if since >= until:
        raise InvalidArgument("from: must be before to")
    _check_length("from", within, MAX_DAYS[within.unit], "a range with this interval")
    return within


def _default_range(request: GetDownloadsRequest) -> timedelta:
    """The length of the range of a request without `from`; never longer than such a request may name."""
    is_short = request.interval == "hour" or (request.group_by and not request.repository)
    return timedelta(days=MAX_DAYS_WITHOUT_REPOSITORY if is_short else DEFAULT_DAYS)


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _check_length(field: str, within: downloads.Range, days: int, subject: str) -> None:
    if within.until - within.since > timedelta(days=days, hours=1):
        raise InvalidArgument(f"{field}: {subject} must be at most {days} days long")


async def list_top_repositories(context: Context, caller: Caller, request: ListTopRepositoriesRequest) -> Answer:
    """List the repositories with the most downloads in a window, which begins at the start of a UTC day."""
    db = context.db
    if request.registry:
        await find_registry(db, caller, request.registry)
    days = int(request.window.removesuffix("d"))
    now = await downloads.current_time(db)
    since = (now.astimezone(UTC) - timedelta(days=days)).date()
    limit = request.limit or DEFAULT_LIMIT
    rank = _rank if days <= rankings.WINDOW_DAYS else rankings.rank_all
    rows = await rank(db, caller.projects, registry=request.registry, project=request.project, since=since, limit=limit)
    begin = datetime.combine(since, time(), UTC)
    spoken = Spoken(SUBJECTS["ListTopRepositories"], None, begin, now)
    watermark = await registries.get_watermark(db, request.registry, spoken)
    return {
        "repositories": [dict(row) for row in rows],
        "rule": RULE,
        **watermark_of(watermark),
    }


async def _rank(
    db: Database, projects: list[int] | None, *, registry: str, project: str | None, since: date, limit: int
) -> list[asyncpg.Record]:
    """Rank exactly by counting candidates only. Others have no more downloads than the last candidate's bound."""
    asked = limit + SPARE_CANDIDATES
    while True:
        candidates = await rankings.list_candidates(db, projects, registry=registry, project=project, limit=asked)
        rows = await rankings.rank_repositories(db, [row["id"] for row in candidates], since=since, limit=limit)
        if len(candidates) < asked or (len(rows) == limit and rows[-1]["downloads"] > candidates[-1]["bound"]):
            return rows
        asked *= 4
