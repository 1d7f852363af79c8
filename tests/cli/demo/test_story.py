"""The demo registry sends events of every kind, and the decoder of Regdex understands them."""

import asyncio
from datetime import UTC, datetime

from cli import demo
from indexer.kinds import Delivery, kind_of
from regdex.events import ManifestDeleted, ManifestPulled, ManifestPushed, TagDeleted
from tests.cli.demo.endpoint import listening


def is_manifest_delete(body: bytes) -> bool:
    return b'"action":"delete"' in body.replace(b" ", b"") and b"sha256:" in body


async def test_story_is_told_in_events_that_decode() -> None:
    async with listening() as endpoint, demo.running(endpoint.url, "secret", seed=3) as registry:
        story = asyncio.create_task(registry.story(pace_seconds=0))
        await endpoint.wait_until(
            lambda: len(endpoint.received) >= 1500 and any(map(is_manifest_delete, endpoint.received))
        )
        story.cancel()
    decoder = kind_of("distribution")
    now = datetime.now(UTC)
    decoded = [
        decoder.decode(Delivery(number, "demo", now, headers, body, (registry.url.removeprefix("http://"),)))
        for number, (headers, body) in enumerate(zip(endpoint.headers, endpoint.received, strict=True))
    ]
    events = [event for one in decoded for event in one.events]

    assert not any(one.rejected or one.foreign_hosts for one in decoded)
    assert {type(event) for event in events} == {ManifestPushed, ManifestPulled, ManifestDeleted, TagDeleted}
    assert len({one.instance for one in decoded}) == 1
    assert len({event.actor for event in events}) > 10
    assert any(isinstance(event, ManifestPulled) and event.is_head for event in events)
    assert any(isinstance(event, ManifestPushed) and event.tag == "latest" for event in events)
