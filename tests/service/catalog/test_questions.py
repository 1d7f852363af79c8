"""What is being asked of a registry makes the answers about it incomplete, and no others."""

from datetime import timedelta

import pytest

from regdex.database import Pool
from regdex.store.queues import questions
from tests.harness.asking import Asker
from tests.harness.seed import Seed, at, digest_of

HOST = "prod.example.com/team/app"
ANSWERS = {
    "tags": ("ListTags", {"registry": "prod", "repository": "team/app"}),
    "history": ("ListTagHistory", {"registry": "prod", "repository": "team/app", "tag": "1"}),
    "tag 1": ("ResolveReference", {"reference": f"{HOST}:1"}),
    "tag 2": ("ResolveReference", {"reference": f"{HOST}:2"}),
    "digest": ("ResolveReference", {"reference": f"{HOST}@{digest_of('m')}"}),
    "config": ("ResolveReference", {"reference": f"{HOST}@{digest_of('m/config')}"}),
    "other tags": ("ListTags", {"registry": "prod", "repository": "team/other"}),
}
OF_TAG_1 = {"tag 1", "tags", "history"}


@pytest.mark.parametrize(
    ("asked", "is_check", "incomplete"),
    [
        ("", None, set()),
        ("1", False, OF_TAG_1),
        ("3", False, {"tags"}),
        (digest_of("m"), False, {"digest", "config"}),
        (digest_of("n"), False, {"config"}),
        (questions.EVERYTHING, False, {*OF_TAG_1, "tag 2", "digest", "config"}),
        ("1", True, set()),
        (questions.EVERYTHING, True, set()),
    ],
)
async def test_answers_about_what_is_in_question_are_not_complete(
    db: Pool, seed: Seed, asker: Asker, asked: str, is_check: bool | None, incomplete: set[str]
) -> None:
    await seed.registry("prod", reconciled_at=at(5))
    repository = await seed.repository("prod", "team/app")
    for tag in ("1", "2"):
        await seed.tag(repository, tag, "m", at(1))
        await seed.tag_event(repository, tag, "m", at(1))
    await seed.present(repository, "m")
    await seed.image("m")
    await seed.repository("prod", "team/other")
    if is_check is not None:
        async with db.acquire() as conn, conn.transaction():
            await questions.raise_questions(conn, [(repository, asked)], delay=timedelta(0), is_check=is_check)

    answers = {name: await asker.ask(rpc, **request) for name, (rpc, request) in ANSWERS.items()}
    assert {name for name, answer in answers.items() if not answer["complete"]} == incomplete
