"""Records pulls: one row for each request, and the changes to the counts, in any order and with any repetition.

`regdex.counting` has the counting rule, `indexer/counting/sessions.py` finds which counts new requests change, and
`indexer/counting/derivation.py` reads and writes the tables.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from indexer.counting.derivation import correct_pulled_at, derive, write
from indexer.counting.sessions import find_spans
from regdex.counting import Request
from regdex.database import Connection
from regdex.store.pulls import partitions, rollups
from regdex.store.pulls import requests as store
from regdex.telemetry import PULLS_IGNORED

RETENTION_DAYS = 90


class Pull(NamedTuple):
    """A request for a manifest, with ids instead of names; `tag` is None when the request named a digest.

    `told_at` is the sender's time, None where the sender gave none that can be true. `is_own`: Regdex sent the request.
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
    """Take the lock that recording pulls needs, before the transaction locks repositories.

    The other order deadlocks with `rederive`.
    """
    await store.share_facts(conn)


async def record_pulls(conn: Connection, pulls: Sequence[Pull], *, retention_days: int = RETENTION_DAYS) -> None:
    """Record each of `pulls` once. The caller's transaction has locked the rows of the repositories."""
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
    derived = await derive(conn, find_spans(changes))
    await write(conn, derived, clock.today, {pull.key for pull in fresh.values() if pull.told_at is None})
    if moved:
        pulled_at = await rollups.lock_repositories(conn, sorted({place[0] for place in moved}))
        await correct_pulled_at(conn, [change for change in derived if change.removed], pulled_at)


async def move_pulls(conn: Connection, pulls: Sequence[Pull]) -> None:
    """Move stored pulls, and their counts, from `told_at` to `at`. The caller has locked the repositories."""
    if not pulls:
        return
    clock = await store.read_clock(conn, retention_days=RETENTION_DAYS)
    await partitions.ensure_partitions(conn, sorted({pull.at.astimezone(UTC).date() for pull in pulls}))
    changes: list[tuple[int, int, datetime, Request | UUID | None]] = []
    for pull in pulls:
        assert pull.told_at is not None  # noqa: S101 - it is the time under which the pull is stored
        changes.append((pull.repository_id, pull.client_id, pull.told_at, pull.key))
        changes.append((pull.repository_id, pull.client_id, pull.at, _request(pull)))
    await write(conn, await derive(conn, find_spans(changes)), clock.today)


async def _find_repeats(
    conn: Connection, fresh: dict[tuple[int, int, UUID], Pull]
) -> list[tuple[int, int, datetime, UUID]]:
    """Drop from `fresh` pulls that are stored with an earlier time; return the places of those stored with a later one.

    Finds only pulls whose time is that of their receipt: a repetition of any other pull has the same time and key.
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
