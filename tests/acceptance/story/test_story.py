"""A story of random pushes, moves, deletes and pulls by real clients on a real registry, through faults and without.

REGDEX_TEST_STORY_STEPS is how many steps it has, REGDEX_TEST_SEED repeats one. It is told once for each registry and
once without faults; the tests look at what was found.
"""

import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from random import Random, SystemRandom

import pytest
import pytest_asyncio

from tests.acceptance.story.checks import Difference, audit, compare, compare_histories, list_gaps, list_questions
from tests.acceptance.story.clients import remove_repository
from tests.acceptance.story.events import Told, about_manifest, about_tag
from tests.acceptance.story.judging import Wrong, describe
from tests.acceptance.story.play import PHASES, SHIFTS, Played, Stage, about
from tests.acceptance.story.staging import staged
from tests.acceptance.story.steps import LEAVING_REPOSITORY, REPOSITORIES
from tests.harness.registries import find_distribution3, require_registry

pytestmark = pytest.mark.acceptance

STEPS = int(os.environ.get("REGDEX_TEST_STORY_STEPS") or 150)
SHOWN = 12
CADENCE_SECONDS = 2
# `right`: only the webhooks are unreliable. For whoever looks for the cause of a failure.
CLOCKS = os.environ.get("REGDEX_TEST_STORY_CLOCKS") or "shifted"


@dataclass
class Found:
    """What one telling of the story has shown.

    `gaps` are open after the reconcile, `all_gaps` were ever; `questions` are open when the last step is taken.
    """

    seed: int
    played: Played
    events: list[Told] = field(default_factory=list)
    unlike_the_model: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    histories: list[Difference] = field(default_factory=list)
    left_the_catalog: list[Difference] = field(default_factory=list)
    audited: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    all_gaps: list[str] = field(default_factory=list)
    questions: list[tuple[str, str, str]] = field(default_factory=list)

    def told(self) -> str:
        """The facts of the story, for whoever reads a failure."""
        changes = [event for event in self.events if event.is_change]
        during, at_end, lag = self.played.during, self.played.at_end, self.played.longest_lag
        return (
            f"REGDEX_TEST_SEED={self.seed} REGDEX_TEST_STORY_STEPS={STEPS}: {self.played.seconds:.0f} s,"
            f" {len(self.events)} events, {len(changes)} of them changes,"
            f" {sum(event.swallowed for event in changes)} of these swallowed\n"
            f"{during.complete} of {during.answers} answers complete,"
            f" {at_end.complete} of {at_end.answers} at the end, late by up to {lag:.1f} s\n"
            f"wrong and complete: {dict(self.played.verdicts)}\n"
            f"runs that were not complete: {self.played.refused_runs}\n"
            f"gaps of moves and deletes: {'; '.join(self.all_gaps) or 'none'}"
        )

    def tell_question(self, repository: str, reference: str, log: str) -> str:
        """An open question, with what became of the events about it."""
        about = about_manifest if reference.startswith("sha256:") else about_tag
        lines = [f"open question about {repository} {reference or '(all tags)'}: {log}"]
        return "\n".join([*lines, *(f"  {event}" for event in about(self.events, repository, reference)[-6:])])

    def expect_none(self, found: Sequence[object], what: str) -> None:
        """Fail with the seed and the first few of what was found."""
        shown = [item.tell(self.events) if isinstance(item, Difference) else str(item) for item in found[:SHOWN]]
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        assert not found, "\n".join([f"{len(found)} {what}", self.told(), *shown, *more])


@pytest.fixture(scope="module", params=["docker-registry", "distribution3"])
def program(request: pytest.FixtureRequest) -> str:
    """Debian's docker-registry (2.8), and a Distribution 3 where there is one."""
    require_registry("skopeo")
    found = find_distribution3() if request.param == "distribution3" else request.param
    if found is None:
        pytest.skip("no Distribution 3: REGDEX_TEST_DISTRIBUTION3 does not name one, and `registry` is not one")
    return str(found)


def _seed() -> int:
    seed = int(os.environ.get("REGDEX_TEST_SEED") or SystemRandom().randrange(2**32))
    print(f"REGDEX_TEST_SEED={seed} REGDEX_TEST_STORY_STEPS={STEPS}")
    return seed


@pytest_asyncio.fixture(scope="module")
async def faulty(program: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Found]:
    """The story through a proxy that loses, refuses, repeats, delays and reorders, with clocks an hour off."""
    seed = _seed()
    can_delete_tags = program != "docker-registry"
    async with staged(
        seed, tmp_path_factory.mktemp("story"), program=program, faults=True, can_delete_tags=can_delete_tags
    ) as stage:
        found = Found(seed, stage.played, stage.webhooks.events)
        shifts = [SHIFTS[number % len(SHIFTS)] for number in range(PHASES)]
        Random(seed).shuffle(shifts)
        if CLOCKS == "right":
            shifts = []
        steps = stage.author.write(STEPS)
        await stage.take(steps, shifts=shifts, reads_at=(len(steps) // 3, 2 * len(steps) // 3))
        found.questions = await list_questions(stage)
        await stage.look_at_all()
        found.unlike_the_model = await _unlike_the_model(stage)
        remove_repository(stage.registry.directory, LEAVING_REPOSITORY)
        await stage.read_deeply()
        found.differences = await compare(stage, left_out=LEAVING_REPOSITORY)
        await _read_twice(stage)
        found.gaps = await list_gaps(stage, only_open=True)
        found.left_the_catalog = await compare(stage, only=LEAVING_REPOSITORY)
        found.audited = await audit(stage)
        found.all_gaps = await list_gaps(stage, only_open=False)
        print(found.told())
        yield found


@pytest_asyncio.fixture(scope="module")
async def faultless(program: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Found]:
    """The story with every webhook passed on as it comes, and right clocks."""
    seed = _seed()
    can_delete_tags = program != "docker-registry"
    async with staged(
        seed, tmp_path_factory.mktemp("story"), program=program, faults=False, can_delete_tags=can_delete_tags
    ) as stage:
        found = Found(seed, stage.played, stage.webhooks.events)
        began = len(stage.webhooks.events)
        steps = stage.author.write(STEPS)
        await stage.take(steps, reads_at=(len(steps) // 2,))
        found.questions = await list_questions(stage)
        await stage.look_at_all()
        found.unlike_the_model = await _unlike_the_model(stage)
        found.differences = await compare(stage)
        found.histories = await compare_histories(stage, began=began)
        found.all_gaps = await list_gaps(stage, only_open=False)
        print(found.told())
        yield found


async def _unlike_the_model(stage: Stage) -> list[str]:
    """Where the registry is not as the story was written: then it was not told as it was written."""
    return [
        f"{name}: the registry has {tags}, the story has {stage.author.model[name].tags}"
        for name in REPOSITORIES
        if (tags := await stage.truth.tags(name)) != stage.author.model[name].tags
    ]


async def _read_twice(stage: Stage) -> None:
    """Two reads, a cadence apart, as they come by themselves where the cadence is short."""
    config = stage.regdex.config
    await stage.regdex.stop()
    config.write_text(config.read_text().replace("reconcile_seconds = 0", f"reconcile_seconds = {CADENCE_SECONDS}"))
    await stage.regdex.start()
    await stage.wait_for_reads(2)


async def test_the_registry_is_as_the_story_was_written(faulty: Found) -> None:
    faulty.expect_none(faulty.unlike_the_model, "repositories are not as the story was written")


async def test_only_swallowed_webhooks_explain_wrong_answers_while_the_story_goes_on(faulty: Found) -> None:
    wrong = faulty.played.during.wrong
    faulty.expect_none(_explain(faulty, wrong), "tags and manifests: answers were complete, wrong and unexplained")


async def test_only_swallowed_webhooks_explain_wrong_answers_once_all_else_is_told(faulty: Found) -> None:
    wrong = faulty.played.at_end.wrong
    faulty.expect_none(_explain(faulty, wrong), "tags and manifests: answers are complete, wrong and unexplained")


async def test_after_one_reconcile_everything_equals_the_registry(faulty: Found) -> None:
    faulty.expect_none(faulty.played.refused_runs, "runs were not complete")
    faulty.expect_none(faulty.differences, "differences after a reconcile")


async def test_after_two_reconciles_a_repository_that_left_the_catalog_is_gone(faulty: Found) -> None:
    faulty.expect_none(faulty.left_the_catalog, "differences about the repository that left the catalog")


async def test_audit_truth_finds_nothing(faulty: Found) -> None:
    faulty.expect_none(faulty.audited, "differences that audit-truth finds")


async def test_no_gap_of_moves_or_deletes_stays_open(faulty: Found) -> None:
    faulty.expect_none(faulty.gaps, "gaps are open")


async def test_without_faults_every_answer_is_complete_and_right(faultless: Found) -> None:
    played = faultless.played
    faultless.expect_none(faultless.unlike_the_model, "repositories are not as the story was written")
    assert played.during.answers
    incomplete = Counter(played.during.incomplete + played.at_end.incomplete)
    shown = [f"{count} x {what}" for what, count in incomplete.most_common(4)]
    shown += [faultless.tell_question(*question) for question in faultless.questions]
    faultless.expect_none(shown if incomplete else [], "kinds of incomplete answers, and questions that were open")
    wrong = played.during.wrong + played.at_end.wrong
    faultless.expect_none(_explain(faultless, wrong), "tags and manifests: answers are wrong")
    faultless.expect_none(faultless.differences, "differences without a reconcile")


async def test_without_faults_every_history_is_whole(faultless: Found) -> None:
    faultless.expect_none(faultless.histories, "histories are not what happened")


def _explain(found: Found, wrong: Sequence[Wrong]) -> list[str]:
    """One text for each tag and manifest, with all operations whose answers about it were wrong."""
    by_name: defaultdict[tuple[str, str], list[Wrong]] = defaultdict(list)
    for item in wrong:
        by_name[item.repository, item.name].append(item)
    return [describe(items, about(found.events, items[0])) for items in by_name.values()]
