"""Whoever has seen a full read end is shown what it found, at once."""

from regdex.database import Pool
from tests.harness.asking import Asker
from tests.harness.seed import Seed, at


async def test_answers_after_a_backfill_has_ended_are_not_older(seed: Seed, db: Pool, asker: Asker) -> None:
    registry_id = await seed.registry("prod", reconciled_at=at(5))
    app = await seed.repository("prod", "team/app")
    await seed.image("image")
    await seed.tag(app, "1.0", "image", at(1))
    run = await db.fetchval(
        "INSERT INTO backfill (registry_id, state) VALUES ($1, 'complete') RETURNING id", registry_id
    )
    for number in range(5):
        before = (await asker.ask("ListTags", registry="prod", repository="team/app"))["tags"]
        await seed.tag(app, f"2.{number}", "image", at(2))

        await asker.ask("GetBackfill", id=run)

        after = (await asker.ask("ListTags", registry="prod", repository="team/app"))["tags"]
        assert len(after) == len(before) + 1
