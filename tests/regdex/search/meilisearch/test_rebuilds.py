"""Replacing the index: whatever step it dies in, the one that answered goes on, and the next try succeeds."""

import asyncio
import uuid

import orjson
import pytest
from aiohttp import web

from regdex.errors import Misconfigured, Unavailable
from regdex.search import Fingerprint
from regdex.search.meilisearch import MeilisearchIndex, MeilisearchWriter
from regdex.search.meilisearch.layout import differences, index_settings
from regdex.telemetry import SEARCH_SETTINGS_CHANGED
from tests.regdex.search.conftest import fingerprint, in_batches
from tests.regdex.search.corpus import CORPUS
from tests.regdex.search.meilisearch.between import Forward, Request, answer, refusal
from tests.regdex.search.meilisearch.conftest import Place
from tests.regdex.search.meilisearch.test_faults_of_publishing import lose

SMALL = CORPUS[:6]


class Killed(Exception):
    """Nothing comes after this request."""


async def uids(place: Place) -> set[str]:
    """Of the indexes that a pointer of this place may name."""
    listed = Request("GET", "/indexes", {"limit": "1000"}, headers_of(place), b"")
    response = await place.between.forward(listed)
    assert isinstance(response.body, bytes)
    found = orjson.loads(response.body)["results"]
    return {index["uid"] for index in found if index["uid"].startswith(f"{place.index}_")}


def headers_of(place: Place) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.key}", "Accept-Encoding": "identity", "Content-Type": "application/json"}


async def test_f26_killed_at_any_step_the_old_index_or_the_new_answers_and_the_next_rebuild_succeeds(
    place: Place,
) -> None:
    """A rebuild is a row of requests; it dies after the first, after the second, and so on to the last."""
    old = fingerprint()
    first = place.make_writer()
    await first.rebuild(old, in_batches(SMALL))
    await first.close()
    survived = False
    step = 0
    while not survived:
        step += 1
        new = fingerprint(old.database_id)
        survived = await _rebuild_and_die(place, new, step)

        index, writer = place.make_index(), place.make_writer()
        assert await index.fingerprint() in (old, new), step
        assert await place.names("gateway") != [], step
        await writer.write(SMALL[:1], [])  # the first write of a process tidies up
        current = await writer.fingerprint()
        assert current in (old, new), step
        assert await uids(place) == {f"{place.index}_{current.index_id}"}, step  # type: ignore[union-attr]
        assert await writer.count() == len(SMALL)
        assert await place.names("gateway") != [], step
        old = current or old
        await writer.close()
        await index.close()
    assert step > 8


async def _rebuild_and_die(place: Place, new: Fingerprint, step: int) -> bool:
    """Whether it lived to the end."""
    died = asyncio.Event()
    asked = 0

    async def die(request: Request, forward: Forward) -> web.Response:
        nonlocal asked
        if request.path == "/tasks" and request.method == "GET":
            return await forward(request)
        asked += 1
        response = await forward(request)
        if asked == step:
            died.set()
            await asyncio.sleep(60)
        return response

    place.between.script = die
    writer = place.make_writer()
    rebuilding = asyncio.create_task(writer.rebuild(new, in_batches(SMALL)))
    dying = asyncio.create_task(died.wait())
    await asyncio.wait((rebuilding, dying), return_when=asyncio.FIRST_COMPLETED)
    rebuilding.cancel()
    dying.cancel()
    await asyncio.gather(rebuilding, dying, return_exceptions=True)
    await writer.close()
    place.between.script = None
    return not died.is_set()


async def test_f26_the_live_index_is_never_deleted_whatever_is_left_over(
    place: Place, writer: MeilisearchWriter
) -> None:
    live = await writer.fingerprint()
    assert live is not None
    for uid in (f"{place.index}_{uuid.uuid4()}", f"{place.index}_backup", f"{place.index}x"):
        await lose(place, "POST", "/indexes", {"uid": uid, "primaryKey": "id"})

    fresh = place.make_writer()
    await fresh.write(SMALL, [])

    assert await uids(place) == {f"{place.index}_{live.index_id}", f"{place.index}_backup"}
    assert await fresh.fingerprint() == live
    await fresh.close()


async def test_f27_a_swap_that_fails_leaves_the_old_index_answering(place: Place, writer: MeilisearchWriter) -> None:
    old = await writer.fingerprint()
    swap = 0

    async def fail(request: Request, forward: Forward) -> web.Response:
        nonlocal swap
        if request.path == f"/indexes/{place.index}/documents":
            swap = 10**9
            return answer({"taskUid": swap})
        if request.path == "/tasks" and request.query.get("uids") == str(swap):
            error = {"code": "internal", "type": "internal", "message": "disk"}
            return answer({"results": [{"uid": swap, "status": "failed", "error": error}]})
        return await forward(request)

    place.between.script = fail
    with pytest.raises(Unavailable, match="failed: internal"):
        await writer.rebuild(fingerprint(), in_batches(SMALL))

    assert await writer.fingerprint() == old
    assert await place.names("nginx") == ["library/nginx"]
    place.between.script = None
    assert await writer.rebuild(fingerprint(), in_batches(SMALL)) == len(SMALL)
    assert len(await uids(place)) == 1


async def test_f28_settings_that_somebody_changed_are_reported_and_only_a_rebuild_undoes_it(
    place: Place, writer: MeilisearchWriter
) -> None:
    before = await writer.fingerprint()
    assert before is not None
    uid = f"{place.index}_{before.index_id}"
    await lose(place, "PATCH", f"/indexes/{uid}/settings", {"searchCutoffMs": 77})
    patches = place.between.count("PATCH")

    for _ in range(3):
        assert await writer.fingerprint() == before

    assert SEARCH_SETTINGS_CHANGED._value.get() == 1
    assert place.between.count("PATCH") == patches
    await writer.rebuild(fingerprint(), in_batches(SMALL))
    await writer.fingerprint()
    assert SEARCH_SETTINGS_CHANGED._value.get() == 0


async def test_settings_that_are_as_they_should_be_are_not_sent_again(place: Place, writer: MeilisearchWriter) -> None:
    found = await writer._wire.get(f"/indexes/{(await uids(place)).pop()}/settings")

    assert differences(index_settings(), found) == {}


async def test_an_index_of_another_layout_is_taken_for_none(
    place: Place, writer: MeilisearchWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await writer.fingerprint() is not None
    other = MeilisearchWriter(place.between.url, place.key, index=place.index, facet_labels=("team",))
    assert await other.fingerprint() is None
    await other.close()

    monkeypatch.setattr("regdex.search.meilisearch.writing.writer.LAYOUT", 10**6)
    assert await writer.fingerprint() is None


async def test_what_is_indexed_beside_is_not_seen_before_the_swap(
    place: Place, writer: MeilisearchWriter, index: MeilisearchIndex
) -> None:
    before = await index.fingerprint()
    seen = []

    async def batches():  # type: ignore[no-untyped-def]
        yield SMALL
        seen.append((await index.fingerprint(), await place.names("nginx")))
        yield CORPUS[6:8]

    await writer.rebuild(fingerprint(), batches())

    assert seen == [(before, ["library/nginx"])]
    assert await place.names("nginx") == []


@pytest.mark.parametrize("version", ["1.34.1", "1.35.9", "0.30.0"])
async def test_an_engine_that_is_too_old_is_refused_with_the_reason(place: Place, version: str) -> None:
    async def old(request: Request, forward: Forward) -> web.Response:
        return answer({"pkgVersion": version}) if request.path == "/version" else await forward(request)

    place.between.script = old
    writer = place.make_writer()

    with pytest.raises(Misconfigured, match=rf"search\.url: Meilisearch 1\.36\.0 or newer is needed, found {version}"):
        await writer.fingerprint()
    await writer.close()


async def test_an_engine_that_does_not_know_our_settings_is_refused_where_its_version_may_not_be_asked(
    place: Place,
) -> None:
    async def old(request: Request, forward: Forward) -> web.Response:
        if request.path == "/version":
            return refusal(403, "invalid_api_key")
        if request.method == "PATCH":
            return refusal(400, "invalid_settings_ranking_rules")
        return await forward(request)

    place.between.script = old
    writer = place.make_writer()

    with pytest.raises(Misconfigured, match=r"1\.36\.0 or newer"):
        await writer.rebuild(fingerprint(), in_batches(SMALL))
    await writer.close()
