"""SQL of questions: pending checks with a registry about a tag, a manifest, or all tags of a repository.

`reference` is a tag, a digest, or '' for all tags of the repository. A question is due `delay` after it is raised. If
an event raises it again before it is asked, the delay starts again, but ends at most one minute after it was first
raised; pulls and scans do not restart it. If it is raised while it is being asked, it is asked once more.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from regdex.database import Connection, Database

EVERYTHING = ""


class Question(NamedTuple):
    """A claimed question; `asked_at` is when it was last raised, `read_mode` that of its registry.

    `pulled_digest_id` and `pulled_at` are of a pull that showed another digest, None if there was none.
    """

    repository_id: int
    repository: str
    reference: str
    attempts: int
    asked_at: datetime
    claimed_at: datetime
    read_mode: str = "full"
    pulled_digest_id: int | None = None
    pulled_at: datetime | None = None


async def raise_questions(
    conn: Connection,
    questions: Iterable[tuple[int, str]],
    *,
    delay: timedelta,
    withdrawable: bool = False,
    is_check: bool = False,
) -> None:
    """Queue pairs of repository and reference.

    A `withdrawable` question may be deleted unanswered by the functions below; a check (`is_check`) only confirms, so
    that answers count as complete while it waits. Both hold only while every caller that raised the question set them.
    """
    pairs = sorted(set(questions))
    await conn.execute(
        """
        INSERT INTO question (repository_id, reference, asked_at, next_attempt_at, withdrawable, is_check)
        SELECT repository_id, reference, clock_timestamp(), clock_timestamp() + $3, $4, $5
          FROM unnest($1::bigint[], $2::text[]) AS raised (repository_id, reference)
            ON CONFLICT (repository_id, reference) DO UPDATE
           SET asked_at = excluded.asked_at, withdrawable = question.withdrawable AND excluded.withdrawable,
               is_check = question.is_check AND excluded.is_check,
               next_attempt_at = CASE WHEN question.attempts = 0 AND NOT excluded.withdrawable AND NOT excluded.is_check
                   THEN least(excluded.next_attempt_at, question.raised_at + interval '1 minute')
                   ELSE question.next_attempt_at END
        """,
        [repository_id for repository_id, _ in pairs],
        [reference for _, reference in pairs],
        delay,
        withdrawable or is_check,
        is_check,
    )


async def raise_about_manifests(
    conn: Connection,
    manifests: Iterable[tuple[int, int]],
    *,
    delay: timedelta,
    pulled_at: datetime | None = None,
    withdrawable: bool = False,
    is_check: bool = False,
) -> None:
    """Queue checks whether manifests, given as (repository id, digest id), are present.

    `pulled_at` is the time of a pull that showed them, if any.
    """
    pairs = sorted(set(manifests))
    rows = await conn.fetch(
        """
        SELECT asked.repository_id, digest_text(digest.algorithm, digest.hash) AS reference
          FROM unnest($1::bigint[], $2::bigint[]) AS asked (repository_id, digest_id)
          JOIN digest ON digest.id = asked.digest_id
        """,
        [repository_id for repository_id, _ in pairs],
        [digest_id for _, digest_id in pairs],
    )
    raised = [(row["repository_id"], row["reference"]) for row in rows]
    await raise_questions(conn, raised, delay=delay, withdrawable=withdrawable, is_check=is_check)
    if pulled_at is not None:
        await conn.execute(
            """
            UPDATE question
               SET pulled_at = least(pulled_at, $3)
              FROM unnest($1::bigint[], $2::text[]) AS raised (repository_id, reference)
             WHERE question.repository_id = raised.repository_id AND question.reference = raised.reference
            """,
            [repository_id for repository_id, _ in raised],
            [reference for _, reference in raised],
            pulled_at,
        )


async def note_pull(conn: Connection, repository_id: int, tag: str, *, digest_id: int, at: datetime) -> None:
    """Store with the question about a tag the digest that a pull has shown; of several pulls, the last."""
    await conn.execute(
        """
        UPDATE question
           SET pulled_digest_id = $3, pulled_at = $4
         WHERE repository_id = $1 AND reference = $2 AND (pulled_at IS NULL OR pulled_at <= $4)
        """,
        repository_id,
        tag,
        digest_id,
        at,
    )


async def withdraw_of_tags(conn: Connection, tags: Collection[tuple[int, str, int | None]]) -> None:
    """Delete withdrawable questions about tags whose state the log proves: (repository, tag, digest or None if gone).

    A question raised by a pull stays until the log agrees with the digest pulled.
    """
    if not tags:
        return
    await conn.execute(
        """
        DELETE FROM question
         USING unnest($1::bigint[], $2::text[], $3::bigint[]) AS known (repository_id, tag, digest_id)
         WHERE question.repository_id = known.repository_id AND question.reference = known.tag
           AND question.withdrawable AND NOT question.is_check
           AND (question.pulled_digest_id IS NULL OR question.pulled_digest_id = known.digest_id)
        """,
        [repository_id for repository_id, _, _ in tags],
        [tag for _, tag, _ in tags],
        [digest_id for _, _, digest_id in tags],
    )


async def withdraw_of_manifests(conn: Connection, manifests: Collection[tuple[int, int, bool]]) -> None:
    """As `withdraw_of_tags`, for manifests given as (repository, digest, whether it is present)."""
    if not manifests:
        return
    await conn.execute(
        """
        DELETE FROM question
         USING unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS known (repository_id, digest_id, present)
          JOIN digest ON digest.id = known.digest_id
         WHERE question.repository_id = known.repository_id AND question.withdrawable
           AND NOT question.is_check
           AND (question.pulled_at IS NULL OR known.present)
           AND question.reference = digest_text(digest.algorithm, digest.hash)
        """,
        [repository_id for repository_id, _, _ in manifests],
        [digest_id for _, digest_id, _ in manifests],
        [present for _, _, present in manifests],
    )


async def ask_about_new(conn: Connection, registry_id: int, repository_ids: Iterable[int], *, delay: timedelta) -> None:
    """Queue full reads of repositories inserted by this transaction that no full read of the registry would find.

    This is so while a gap says that the registry's catalog could not be read when last tried.
    """
    await conn.execute(
        """
        INSERT INTO question (repository_id, reference, asked_at, next_attempt_at)
        SELECT repository.id, '', clock_timestamp(), clock_timestamp() + $3
          FROM repository
         WHERE repository.id = ANY ($2::bigint[]) AND repository.first_seen_at = now()
           AND EXISTS (SELECT FROM gap
                        WHERE gap.registry_id = $1 AND gap.repository_id = 0 AND gap.until IS NULL
                          AND gap.subject = 'moves')
            ON CONFLICT DO NOTHING
        """,
        registry_id,
        list(repository_ids),
        delay,
    )


async def list_doubts(db: Database, registry_id: int, *, since: datetime) -> list[tuple[int, str]]:
    """Return (repository id, reference) of questions raised since a time by scans or pulls only."""
    rows = await db.fetch(
        """
        SELECT q.repository_id, q.reference
          FROM question AS q
          JOIN repository AS r ON r.id = q.repository_id
         WHERE r.registry_id = $1 AND q.withdrawable AND q.raised_at >= $2
        """,
        registry_id,
        since,
    )
    return [(row["repository_id"], row["reference"]) for row in rows]


async def is_any_open(db: Database, questions: Collection[tuple[int, str]]) -> bool:
    """Return whether any of these (repository id, reference) pairs is waiting or being asked."""
    return bool(
        await db.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM question AS q
                  JOIN unnest($1::bigint[], $2::text[]) AS asked (repository_id, reference)
                 USING (repository_id, reference))
            """,
            [repository_id for repository_id, _ in questions],
            [reference for _, reference in questions],
        )
    )


async def claim_questions(db: Database, registry_id: int, *, limit: int, lease: timedelta) -> list[Question]:
    """Claim due questions about tags and manifests of a registry for `lease`; none while it is paused."""
    return await _claim(db, registry_id, is_everything=False, limit=limit, lease=lease)


async def claim_repository(db: Database, registry_id: int, *, lease: timedelta) -> Question | None:
    """Claim the longest due question about all tags of a repository for `lease`; None while the registry is paused."""
    return next(iter(await _claim(db, registry_id, is_everything=True, limit=1, lease=lease)), None)


async def _claim(
    db: Database, registry_id: int, *, is_everything: bool, limit: int, lease: timedelta
) -> list[Question]:
    rows = await db.fetch(
        """
        WITH due AS (
            SELECT q.repository_id, q.reference, r.name AS repository, g.read_mode
              FROM question AS q
              JOIN repository AS r ON r.id = q.repository_id
              JOIN registry AS g ON g.id = r.registry_id AND NOT g.paused
             WHERE r.registry_id = $1 AND (q.reference = '') = $4
               AND q.next_attempt_at <= now()
             ORDER BY q.next_attempt_at
             LIMIT $2
               FOR UPDATE OF q SKIP LOCKED
        )
        UPDATE question AS q
           SET next_attempt_at = now() + $3, attempts = q.attempts + 1
          FROM due
         WHERE q.repository_id = due.repository_id AND q.reference = due.reference
        RETURNING q.repository_id, due.repository, q.reference, q.attempts, q.asked_at, now() AS claimed_at,
                  due.read_mode, q.pulled_digest_id, q.pulled_at
        """,
        registry_id,
        limit,
        lease,
        is_everything,
    )
    return [Question(**row) for row in rows]


async def postpone(db: Database, question: Question, delay: timedelta) -> None:
    """Return a claimed question to the queue, due after `delay`."""
    await db.execute(
        "UPDATE question SET next_attempt_at = now() + $3 WHERE repository_id = $1 AND reference = $2",
        question.repository_id,
        question.reference,
        delay,
    )


async def settle(conn: Connection, question: Question, *, delay: timedelta) -> None:
    """Delete an answered question; if it was raised again meanwhile, it becomes due after `delay` instead."""
    await conn.execute(
        "DELETE FROM question WHERE repository_id = $1 AND reference = $2 AND asked_at = $3",
        question.repository_id,
        question.reference,
        question.asked_at,
    )
    await conn.execute(
        """
        UPDATE question
           SET next_attempt_at = now() + $3, attempts = 0, raised_at = now(), pulled_digest_id = NULL, pulled_at = NULL
         WHERE repository_id = $1 AND reference = $2
        """,
        question.repository_id,
        question.reference,
        delay,
    )


async def take_over(db: Database) -> None:
    """Move questions queued by the previous release, in `recheck_queue`, to this queue."""
    await db.execute(
        """
        WITH taken AS (DELETE FROM recheck_queue RETURNING repository_id, tag, next_attempt_at)
        INSERT INTO question (repository_id, reference, next_attempt_at)
        SELECT repository_id, tag, next_attempt_at FROM taken
            ON CONFLICT DO NOTHING
        """
    )
