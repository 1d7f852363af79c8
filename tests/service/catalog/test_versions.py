"""The version of a repository moves with whatever changes in an answer that its entity tag is made of."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.fetching.contents import write_contents
from indexer.manifest import Child, Content, Platform
from indexer.recording.recorder import ManifestScan, TagScan
from regdex.database import Pool
from regdex.digest import Digest
from regdex.errors import NotFound
from service.caller import Caller, Scope
from service.context import Context
from service.etags import Stamped
from service.operations import OPERATIONS
from tests.harness.catalogs import Catalog
from tests.harness.seed import INDEX
from tests.harness.stories import MANIFEST, Happening, at, digest, tell

EVERYBODY = Caller(scope=Scope.ADMIN)
VERSIONED = {operation.method: operation for operation in OPERATIONS if operation.versioned}
REPOSITORIES = ("team/app", "solo")
TAGS = ("1", "latest")
NUMBERS = range(1, 5)
LINUX = Platform("linux", "amd64")

_names = (f"r{number}" for number in count())
_seconds = st.integers(0, 30).map(lambda half: half / 2)

Answers = dict[str, dict[str, Stamped]]
Step = Callable[[Catalog], Awaitable[None]]


def _digest(number: int) -> Digest:
    return Digest.parse(digest(number))


def _content(number: int, state: str, words: str, children: frozenset[int]) -> Content:
    """An image, or an index of images with higher numbers."""
    below = tuple(Child(_digest(child), 10, MANIFEST, platform=LINUX) for child in sorted(children) if child > number)
    return Content(
        digest=_digest(number),
        media_type=INDEX if below else MANIFEST,
        size_bytes=100,
        state=state,
        is_index=bool(below),
        platform=Platform() if below else LINUX,
        annotations={"words": words},
        children=below,
    )


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Something that a registry tells, or answers when it is asked: in any order of its times."""
    repository, tag = draw(st.sampled_from(REPOSITORIES)), draw(st.sampled_from(TAGS))
    number, seconds = draw(st.sampled_from(NUMBERS)), draw(_seconds)
    kind = draw(st.sampled_from(["push", "push", "tag", "manifest", "repository", "pull", "scan", "look", "content"]))
    if kind == "scan":
        found = draw(st.sampled_from([None, *NUMBERS]))
        tag_scan = TagScan(repository, tag, _digest(found) if found else None, at(seconds))
        return lambda catalog: catalog.scan(tag_scan)
    if kind == "look":
        manifest_scan = ManifestScan(repository, _digest(number), draw(st.booleans()), at(seconds))
        return lambda catalog: catalog.scan(manifest_scan)
    if kind == "content":
        state = draw(st.sampled_from(["rejected", "incomplete", "complete"]))
        words, children = draw(st.sampled_from("ab")), draw(st.frozensets(st.sampled_from(NUMBERS)))
        return lambda catalog: write_contents(catalog.db, [_content(number, state, words, children)])
    happening = Happening(seconds, kind, repository, tag, number, actor=draw(st.sampled_from(["", "ada"])))
    return lambda catalog: catalog.record(tell([happening]))


async def _answers(db: Pool, registry: str) -> Answers:
    """By repository: everything that the versioned operations say of it, now and as it was."""
    found: Answers = {}
    for repository in REPOSITORIES:
        asked: list[tuple[str, dict[str, Any]]] = [("GetManifest", {"digest": digest(number)}) for number in NUMBERS]
        for as_of in (None, at(4), at(9)):
            asked += [("GetTag", {"tag": tag, "as_of": as_of}) for tag in TAGS]
            asked += [("ListTags", {"as_of": as_of, "order_by": order}) for order in ("name", "pushed_at")]
        asked += [("ListTagHistory", {"tag": tag}) for tag in TAGS]
        assert {method for method, _ in asked} == VERSIONED.keys()
        for method, fields in asked:
            operation = VERSIONED[method]
            request = operation.request.model_validate({"registry": registry, "repository": repository, **fields})
            try:
                answer = await operation.run(Context(db), EVERYBODY, request)
            except NotFound:
                continue
            assert isinstance(answer, Stamped)
            answer.content.pop("indexed_through", None)
            found.setdefault(repository, {})[repr((method, fields))] = answer
    return found


@settings(
    max_examples=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=st.lists(steps(), min_size=1, max_size=10))
async def test_no_answer_changes_without_the_version(db: Pool, story: list[Step]) -> None:
    name = next(_names)
    await db.execute("TRUNCATE manifest CASCADE")  # digests are the same in every story
    catalog = await Catalog.of(db, name)
    before = await _answers(db, name)
    for step in story:
        await step(catalog)
        after = await _answers(db, name)
        _check(before, after)
        before = after


def _check(before: Answers, after: Answers) -> int:
    """No answer of equal versions has changed; returns how many have."""
    changes = 0
    for repository, answers in after.items():
        for question, answer in answers.items():
            known = before.get(repository, {}).get(question)
            if known is not None and known.content != answer.content:
                changes += 1
                assert known.stamp.version != answer.stamp.version, question
    return changes


PUSHES = ((0, "push", 1), (5, "push", 1), (10, "push", 2))


@pytest.mark.parametrize("kind", ["tag", "manifest", "repository"])
async def test_a_delete_that_is_told_late_moves_it_for_the_past(db: Pool, kind: str) -> None:
    """Nothing of now changes."""
    catalog = await Catalog.of(db)
    await catalog.record(tell([Happening(*told, tag="1", number=number) for *told, number in PUSHES]))
    before = await _answers(db, "prod")

    await catalog.record(tell([Happening(3, kind, tag="1", number=1)]))

    after = await _answers(db, "prod")
    assert _check(before, after) >= 2
