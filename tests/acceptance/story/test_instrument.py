"""What the story measures with: the proxies do what their log says, and only what the issue names explains."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random

import aiohttp
import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from tests.acceptance.story.events import Told, about_tag, shift_time
from tests.acceptance.story.judging import Verdict, Wrong, judge
from tests.acceptance.story.registry_proxy import RegistryProxy
from tests.acceptance.story.steps import WEIGHTS, Author
from tests.acceptance.story.webhooks import FAULTS, OWN_AGENT, WebhookProxy
from tests.harness.registries import free_port

START = datetime(2026, 11, 30, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
A, B = (f"sha256:{letter * 64}" for letter in "ab")


def event(seconds: float, action: str, tag: str = "", digest: str = A, *, told: float | None = 0, **more: bool) -> Told:
    """An event about `app`, accepted by Regdex `told` seconds after it happened; None: not yet."""
    at = START + timedelta(seconds=seconds)
    deliveries = [] if told is None else [at + timedelta(seconds=told)]
    return Told(f"{at}", action, "app", tag, digest, at, deliveries=deliveries, **more)  # type: ignore[arg-type]


def swallowed(seconds: float, action: str, tag: str = "", digest: str = A) -> Told:
    return event(seconds, action, tag, digest, told=None, swallowed=True)


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([event(0, "push", "1"), swallowed(20, "push", "1", B)], Verdict.SWALLOWED),
        ([event(0, "push", "1"), swallowed(5, "push", "1", B)], Verdict.UNEXPLAINED),  # before the reconcile
        ([swallowed(20, "push", "1", B), event(30, "push", "1")], Verdict.UNEXPLAINED),  # told again
        ([event(0, "push", "1"), swallowed(20, "push", "1", B), event(30, "delete", "", B)], Verdict.SWALLOWED),
        ([event(20, "push", "1", told=None)], Verdict.HELD),
        ([event(20, "push", "1", told=80)], Verdict.HELD),  # told after it was asked
        ([event(20, "push", "1", told=None), event(30, "push", "1", B)], Verdict.UNEXPLAINED),
        ([event(20, "push", "1", told=30)], Verdict.UNEXPLAINED),  # delayed
        ([], Verdict.UNEXPLAINED),
    ],
)
def test_only_a_swallowed_webhook_after_the_reconcile_explains(events: list[Told], verdict: Verdict) -> None:
    wrong = Wrong("GetTag", "app", "1", A, B, START + timedelta(seconds=60), START + timedelta(seconds=10))
    assert judge(wrong, about_tag(events, "app", "1"), told_before=wrong.asked_at) is verdict


def test_a_tag_depends_on_deletes_of_what_it_ever_pointed_to() -> None:
    mine = [event(0, "push", "1"), event(3, "delete", "", A), event(4, "delete", "1", "")]
    others = [event(1, "push", "2", B), event(2, "delete", "", B), event(5, "pull", "1")]
    assert about_tag([*others, *mine], "app", "1") == mine


def test_a_shifted_time_keeps_its_nanoseconds() -> None:
    assert shift_time("2026-11-30T23:30:00.123456789Z", HOUR) == "2026-12-01T00:30:00.123456789Z"


def test_equal_seeds_write_equal_stories_with_everything_in_them() -> None:
    stories = [Author(Random(7), can_delete_tags=True).write(1000) for _ in range(2)]
    assert stories[0] == stories[1]
    assert set(WEIGHTS) - {"move_back", "push_again"} <= {step.does for step in stories[0]}


@pytest_asyncio.fixture
async def told() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A receiver at a url, and the events that it accepted."""
    accepted: list[dict[str, str]] = []

    async def receive(request: web.Request) -> web.Response:
        accepted.extend((await request.json())["events"])
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/", accepted
    await runner.cleanup()


def item(number: int, agent: str = "crane") -> dict[str, object]:
    return {
        "id": str(number),
        "action": "push",
        "timestamp": "2026-11-30T10:00:00.000000001Z",
        "target": {"repository": "app", "tag": f"t{number}", "digest": A},
        "request": {"useragent": agent},
    }


async def send(proxy: WebhookProxy, items: list[dict[str, object]]) -> dict[str, int]:
    """Send as a registry does, again until accepted; returns how often each was sent."""
    counts = {}
    async with aiohttp.ClientSession() as session:
        for one in items:
            counts[str(one["id"])] = 0
            status = 0
            while not 200 <= status < 300:
                counts[str(one["id"])] += 1
                async with session.post(proxy.url, data=orjson.dumps({"events": [one]})) as response:
                    status = response.status
    return counts


async def test_what_the_log_says_of_each_event_is_what_became_of_it(told: tuple[str, list[dict[str, str]]]) -> None:
    url, accepted = told
    async with WebhookProxy(5, faults=True) as proxy:
        proxy.target = url
        proxy.clock_shift = HOUR
        sent = await send(proxy, [item(number) for number in range(60)])
        await proxy.release()
        events = proxy.events
    assert {event.fate.split(" ")[0] for event in events} >= {*FAULTS} - {"delayed"}
    for event in events:
        deliveries = [one for one in accepted if one["id"] == event.id]
        assert len(deliveries) == len(event.deliveries)
        assert event.swallowed == (not deliveries) == event.fate.startswith("swallowed")
        assert sent[event.id] == 1 + event.refusals
        assert (event.refusals > 0) == (event.fate == "refused")
        assert (len(deliveries) > 1) == event.fate.startswith("repeated")
        assert event.at == START
        assert {one["timestamp"] for one in deliveries} <= {"2026-11-30T11:00:00.000000001Z"}
    order = [int(one["id"]) for one in accepted]
    assert order != sorted(order)


async def test_fates_follow_from_the_seed_and_not_from_the_order(told: tuple[str, list[dict[str, str]]]) -> None:
    fates = []
    for order in (range(30), reversed(range(30))):
        async with WebhookProxy(5, faults=True) as proxy:
            proxy.target = told[0]
            await send(proxy, [item(number) for number in order])
            await proxy.release()
            fates.append({event.id: event.fate for event in proxy.events})
    assert fates[0] == fates[1]


async def test_without_faults_all_is_passed_on_but_what_the_story_itself_asked(
    told: tuple[str, list[dict[str, str]]],
) -> None:
    url, accepted = told
    async with WebhookProxy(5, faults=False) as proxy:
        proxy.target = url
        arrived = proxy.expect(f"{OWN_AGENT}/1")
        await send(proxy, [*(item(number) for number in range(20)), item(20, f"{OWN_AGENT}/1")])
        await asyncio.wait_for(arrived.wait(), 1)
    assert [one["id"] for one in accepted] == [str(number) for number in range(20)]


async def test_the_clock_of_the_registry_is_shifted_in_its_answers() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path_qs})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with RegistryProxy(f"http://127.0.0.1:{port}") as proxy, aiohttp.ClientSession() as session:
        proxy.clock_shift = -HOUR
        async with session.get(f"{proxy.url}/v2/_catalog?n=1") as response:
            assert await response.json() == {"path": "/v2/_catalog?n=1"}
            behind = datetime.now(UTC) - parsedate_to_datetime(response.headers["Date"])
        async with session.head(f"{proxy.url}/v2/") as response:
            assert response.status == 200
            assert int(response.headers["Content-Length"]) > 0
    await runner.cleanup()
    assert abs(behind - HOUR) < timedelta(seconds=10)
