"""Compares pulls with the catalog. A pull never moves a tag: one that contradicts the catalog raises a question.

Pulls that agree with the logs, and Regdex's own pulls, raise none.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from indexer.counting.pulls import Pull
from indexer.recording.current import QUESTION_DELAY, Touched, refresh_current
from indexer.recording.newest import held_by_tags, were_present
from indexer.recording.scans import ManifestScan, TagScan
from regdex.database import Connection
from regdex.events import Source, event_key
from regdex.store.catalog import current, gaps, names
from regdex.store.content.digests import intern_digests
from regdex.store.logs import observations
from regdex.store.logs.observations import TagRow
from regdex.store.logs.observed import has_exact
from regdex.store.queues import fetches, questions
from regdex.store.queues.questions import Question

NEAR = timedelta(seconds=60)


async def weigh_pulls(conn: Connection, registry_id: int, pulls: Sequence[Pull]) -> None:
    """Queue fetches of unknown manifests, and raise questions where pulls contradict the catalog."""
    for is_head in {pull.is_head for pull in pulls}:
        wanted = {(pull.repository_id, pull.digest_id, False) for pull in pulls if pull.is_head is is_head}
        await fetches.enqueue_fetches(conn, registry_id, sorted(wanted), is_held=not is_head)
    strange = [pull for pull in pulls if not pull.is_own]
    await _ask_for_manifests(conn, strange)
    await _ask_for_tags(conn, strange)


async def _ask_for_manifests(conn: Connection, pulls: Sequence[Pull]) -> None:
    """Raise questions about pulled manifests that were not present as far as is known: their push was not reported."""
    latest: dict[tuple[int, int], Pull] = {}
    for pull in pulls:
        key = pull.repository_id, pull.digest_id
        latest[key] = max(pull, latest.get(key, pull), key=lambda one: (one.at, one.key))
    if not latest:
        return
    present = await current.read_presence(conn, sorted(latest))
    doubtful = [(*key, pull.at) for key, pull in latest.items() if not present.get(key)]
    if not doubtful:
        return
    known = await were_present(conn, doubtful)
    if absent := [one for one, was_present in zip(doubtful, known, strict=True) if not was_present]:
        await questions.raise_about_manifests(
            conn,
            [one[:2] for one in absent],
            delay=QUESTION_DELAY,
            pulled_at=min(one[2] for one in absent),
            withdrawable=True,
        )


async def _ask_for_tags(conn: Connection, pulls: Sequence[Pull]) -> None:
    """Raise questions about tags that were pulled as a digest which they have not now and had not when pulled."""
    latest: dict[tuple[int, str], Pull] = {}
    for pull in pulls:
        if pull.tag is not None:
            key = pull.repository_id, pull.tag
            latest[key] = max(pull, latest.get(key, pull), key=lambda one: (one.at, one.key))
    if not latest:
        return
    now = await current.read_digests(conn, list(latest))
    doubtful = [key for key, pull in latest.items() if now.get(key) != pull.digest_id]
    if not doubtful:
        return
    near = await held_by_tags(conn, [(*key, latest[key].at) for key in doubtful])
    for key, held in zip(doubtful, near, strict=True):
        pull = latest[key]
        if pull.digest_id not in held:
            await questions.raise_questions(conn, [key], delay=QUESTION_DELAY, withdrawable=True)
            await questions.note_pull(conn, *key, digest_id=pull.digest_id, at=pull.at)


async def weigh_answer(conn: Connection, registry_id: int, question: Question, answer: TagScan | ManifestScan) -> None:
    """Use the pull that raised a question once the registry has answered. Call before the answer is recorded.

    A tag that was pulled as one digest, is known as another and now is a third one was moved twice: the pull becomes an
    observation that is not exact, unless an exact one lies within the minute before it. A manifest that was pulled, was
    never seen and is now absent was pushed and deleted unreported: this opens a gap until the repository is read.
    """
    if question.pulled_at is None:
        return
    if isinstance(answer, ManifestScan):
        if not answer.present and not await current.was_seen(conn, question.repository_id, answer.digest):
            await gaps.open_gap(
                conn,
                [registry_id],
                gaps.READABLE,
                reason="unknown_pull",
                since=question.pulled_at,
                repository_id=question.repository_id,
                detail=question.reference,
            )
    elif question.pulled_digest_id is not None:
        await _keep_pull(conn, registry_id, question, answer, question.pulled_digest_id, question.pulled_at)


async def _keep_pull(
    conn: Connection, registry_id: int, question: Question, answer: TagScan, pulled_id: int, pulled_at: datetime
) -> None:
    ids = await intern_digests(conn, [answer.digest]) if answer.digest else {}
    answered_id = ids[answer.digest] if answer.digest else None
    await names.lock_repositories(conn, [question.repository_id])
    key = question.repository_id, question.reference
    known_id = (await current.read_digests(conn, [key])).get(key)
    if answered_id in (pulled_id, known_id):
        return
    if await has_exact(conn, *key, since=pulled_at - NEAR, until=pulled_at):
        return
    event = event_key("pull", *map(str, key), str(pulled_id), pulled_at.isoformat())
    touched = Touched()
    row = TagRow(*key, pulled_at, event, pulled_id, None, Source.EVENT, False)
    touched.tags.update(await observations.add_tag_rows(conn, [row]))
    await refresh_current(conn, registry_id, touched, is_held=False)
