"""The checks after a reconcile: what Regdex says equals the registry's own answer, for all that it can know.

That is all that a tag reaches, and all tags and manifests that Regdex ever knew.
"""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.acceptance.story.asking import ABSENT, REGISTRY, is_held, newest
from tests.acceptance.story.events import Told, about_manifest, about_tag
from tests.acceptance.story.play import SETTLE_SECONDS, Stage, patience

_is_auxiliary = re.compile(r"^sha256-[0-9a-f]{64}").match
AT_ONCE = 8


@dataclass(frozen=True)
class Difference:
    """What Regdex says and what the registry says of one thing."""

    what: str
    repository: str
    name: str
    said: str
    truth: str

    def tell(self, events: Iterable[Told]) -> str:
        about = about_manifest if self.name.startswith("sha256:") else about_tag
        lines = [f"{self.what} {self.repository} {self.name}: Regdex says {self.said}, the registry says {self.truth}"]
        return "\n".join([*lines, *(f"  {event}" for event in about(events, self.repository, self.name)[-8:])])


@dataclass
class Known:
    """Of one repository: the registry's tags and what they reach, and what Regdex ever knew there."""

    tags: dict[str, str] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    known_tags: set[str] = field(default_factory=set)
    known_digests: set[str] = field(default_factory=set)
    present: dict[str, bool] = field(default_factory=dict)


async def find_all(stage: Stage) -> dict[str, Known]:
    """Both sides' knowledge by repository."""
    places: defaultdict[str, Known] = defaultdict(Known)
    for row in await stage.fetch(
        "SELECT DISTINCT repository.name, tag FROM tag_event JOIN repository ON repository.id = repository_id"
    ):
        places[row["name"]].known_tags.add(row["tag"])
    for row in await stage.fetch(
        """
        SELECT repository.name, digest_text(digest.algorithm, digest.hash) AS digest
          FROM repository_manifest AS held
          JOIN repository ON repository.id = held.repository_id
          JOIN digest ON digest.id = held.digest_id
        """
    ):
        places[row["name"]].known_digests.add(row["digest"])
    for name in [*await stage.truth.repositories(), *places]:
        place = places[name]
        place.tags, place.reached = await stage.truth.reached(name)
        place.present = await stage.truth.presence(name, place.known_digests | place.reached)
    return places


async def compare(stage: Stage, *, left_out: str = "", only: str = "") -> list[Difference]:
    """Differences that stay for as long as answers may be late; of all repositories, all but one, or one."""
    everything = await find_all(stage)
    places = {name: place for name, place in everything.items() if name != left_out and only in ("", name)}
    deadline = time.monotonic() + patience(SETTLE_SECONDS)
    while True:
        found = [
            *[item for name, place in places.items() for item in await _compare_tags(stage, name, place)],
            *[item for name, place in places.items() for item in await _compare_histories(stage, name, place)],
            *[item for name, place in places.items() for item in await _compare_presence(stage, name, place)],
            *await _compare_look_ups(stage, places),
        ]
        if not found or time.monotonic() > deadline:
            return found
        await asyncio.sleep(1)


async def _compare_tags(stage: Stage, name: str, place: Known) -> list[Difference]:
    answer = await stage.questioner.list_tags(name)
    said = {tag["tag"]: tag["digest"] for tag in answer["tags"]} if answer else {}
    return [
        Difference("ListTags", name, tag, said.get(tag, ABSENT), place.tags.get(tag, ABSENT))
        for tag in sorted({*said, *place.tags})
        if said.get(tag) != place.tags.get(tag)
    ]


async def _compare_histories(stage: Stage, name: str, place: Known) -> list[Difference]:
    tags = sorted(place.known_tags | set(place.tags))
    answers = await _ask_all(
        stage, [("ListTagHistory", {"registry": REGISTRY, "repository": name, "tag": tag}) for tag in tags]
    )
    return [
        Difference("end of ListTagHistory", name, tag, newest(answer), place.tags.get(tag, ABSENT))
        for tag, answer in zip(tags, answers, strict=True)
        if newest(answer) != place.tags.get(tag, ABSENT)
    ]


async def _compare_presence(stage: Stage, name: str, place: Known) -> list[Difference]:
    """Presence and tags of each manifest; those that a tag reaches have been read."""
    digests = sorted(place.present)
    answers = await _ask_all(
        stage, [("GetManifest", {"registry": REGISTRY, "repository": name, "digest": digest}) for digest in digests]
    )
    found = []
    for digest, answer in zip(digests, answers, strict=True):
        said = _describe(answer is not None and answer["present"], answer["tags"] if answer else [])
        truth = _describe(place.present[digest], _tags_of(place, digest))
        if said != truth:
            found.append(Difference("GetManifest", name, digest, said, truth))
        elif digest in place.reached and answer["state"] != "complete":
            found.append(Difference("state of GetManifest", name, digest, answer["state"], "complete"))
    return found


async def _compare_look_ups(stage: Stage, places: dict[str, Known]) -> list[Difference]:
    """Every manifest is found in the repositories that hold it, and in no other."""
    digests = sorted({digest for place in places.values() for digest in place.present})
    answers = await _ask_all(stage, [("LookupDigest", {"digest": digest, "page_size": 1000}) for digest in digests])
    return [
        Difference("LookupDigest", name, digest, str(is_held(answer, name)), str(is_there))
        for digest, answer in zip(digests, answers, strict=True)
        for name, place in places.items()
        if (is_there := place.present.get(digest)) is not None and is_held(answer, name) != is_there
    ]


async def compare_histories(stage: Stage, *, began: int) -> list[Difference]:
    """Without faults: every history ends with what the registry told from event number `began` on, step by step.

    Of a tag that is deleted before it is pushed, the delete is left out: Regdex may have seen the tag too shortly
    before to say that it was there.
    """
    found = []
    events = stage.webhooks.events
    for repository, tag in sorted({(event.repository, event.tag) for event in events[began:] if event.tag}):
        expected = _follow(about_tag(events, repository, tag), tag, since=events[began].at)
        while expected and not expected[0]:
            expected.pop(0)
        answer = await stage.api.ask(
            "ListTagHistory", registry=REGISTRY, repository=repository, tag=tag, page_size=1000
        )
        said = [entry["digest"] for entry in reversed(answer["entries"])] if answer else []
        if expected and said[-len(expected) :] != expected:
            shown = (" ".join(digest[7:15] or "gone" for digest in digests) for digests in (said, expected))
            found.append(Difference("ListTagHistory", repository, tag, *shown))
    return found


def _follow(events: Iterable[Told], tag: str, *, since: datetime) -> list[str]:
    """What a tag became with each event from `since` on; empty: gone."""
    became: list[str] = []
    now = ""
    for event in events:
        before = now
        if event.action == "push":
            now = event.digest
        elif event.tag == tag or event.digest == now:
            now = ""
        if now != before and event.at >= since:
            became.append(now)
    return became


async def audit(stage: Stage) -> list[str]:
    """What is wrong with what `regdex audit-truth` finds over everything: differences outside declared gaps."""
    command = Path(sys.executable).parent / "regdex"
    process = await asyncio.create_subprocess_exec(
        command, "audit-truth", REGISTRY, "--all", "--output", "json", "--config", stage.regdex.config,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    if not output:
        return [f"audit-truth ended with {process.returncode}: {errors.decode()[-2000:]}"]
    audited = json.loads(output)[REGISTRY]
    problems = [json.dumps(one) for one in audited["differences"] if not one["declared"]]
    least = sum(len(place.tags) for place in (await find_all(stage)).values())
    if audited["asked"] < least:
        problems.append(f"{audited['asked']} were asked, and there are {least} tags alone")
    if process.returncode and not problems:
        problems.append(f"audit-truth ended with {process.returncode}")
    return problems


async def list_gaps(stage: Stage, *, only_open: bool) -> list[str]:
    """Gaps of moves and deletes, all or those that no read has closed, with how often each came."""
    rows = await stage.fetch(
        """
        SELECT gap.reason, gap.subject, repository.name AS repository, gap.detail, gap.until IS NULL AS is_open,
               count(*) AS count
          FROM gap
          LEFT JOIN repository ON repository.id = gap.repository_id
         WHERE gap.subject IN ('moves', 'deletes') AND (gap.until IS NULL OR NOT $1)
         GROUP BY 1, 2, 3, 4, 5
         ORDER BY 1, 2, 3, 4, 5
        """,
        only_open,
    )
    return [
        f"{row['count']} x {row['reason']} of {row['subject']} in {row['repository'] or 'the whole registry'}"
        f"{', open' if row['is_open'] else ''} {row['detail']}".rstrip()
        for row in rows
    ]


async def list_questions(stage: Stage) -> list[tuple[str, str, str]]:
    """Repository, and tag or digest, that Regdex has yet to ask the registry about: why answers are not complete.

    With each, when it was raised, whether it may be withdrawn, and what the log says.
    """
    rows = await stage.fetch(
        """
        SELECT repository.name, question.reference, question.raised_at, question.withdrawable,
               array(SELECT concat_ws(' ', to_char(log.at, 'MI:SS.US'), to_char(log.confirmed_at, 'MI:SS.US'), kind,
                                      left(encode(digest.hash, 'hex'), 6), source, exact)
                       FROM (SELECT at, confirmed_at, digest_id, source, exact, '' AS kind
                               FROM tag_event
                              WHERE repository_id = repository.id AND tag = question.reference
                              UNION ALL
                             SELECT at, confirmed_at, CASE WHEN present THEN digest_id END, source, exact, 'manifest'
                               FROM manifest_event
                              WHERE repository_id = repository.id AND digest_id IN (
                                    SELECT id
                                      FROM digest
                                     WHERE digest_text(algorithm, hash) = question.reference)) AS log
                       LEFT JOIN digest ON digest.id = log.digest_id
                      ORDER BY log.at) AS log
          FROM question
          JOIN repository ON repository.id = question.repository_id
         WHERE NOT question.is_check
         ORDER BY 1, 2
        """
    )
    return [
        (
            row["name"],
            row["reference"],
            f"raised {row['raised_at']:%H:%M:%S.%f}, withdrawable: {row['withdrawable']}; {', '.join(row['log'])}",
        )
        for row in rows
    ]


async def _ask_all(stage: Stage, questions: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(operation: str, parameters: dict[str, Any]) -> Any:
        async with turns:
            return await stage.api.ask(operation, **parameters)

    return await asyncio.gather(*(ask(operation, parameters) for operation, parameters in questions))


def _tags_of(place: Known, digest: str) -> list[str]:
    return [tag for tag, held in place.tags.items() if held == digest]


def _describe(is_there: bool, tags: Iterable[str]) -> str:
    """Tags that list referrers are left out: whether they are shown beside their manifest is another matter."""
    named = sorted(tag for tag in tags if not _is_auxiliary(tag))
    return f"{'present' if is_there else 'absent'} {' '.join(named)}".strip()
