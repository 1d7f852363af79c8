"""Bodies as Distribution sends them, and putting them into an inbox."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from regdex.database import Pool
from regdex.store.queues import inbox

START = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=2)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
HEADERS = '{"content-type": "application/vnd.docker.distribution.events.v2+json"}'


def digest(name: str) -> str:
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def item(number: int, *, action: str = "push", repository: str = "team/app", instance: str = "") -> dict[str, Any]:
    """Event `number` of a story: a push or a pull of tag `v<number>`, that many seconds after its start."""
    return {
        "id": f"{repository}-{action}-{number}",
        "timestamp": (START + timedelta(seconds=number)).isoformat(),
        "action": action,
        "target": {
            "mediaType": MANIFEST,
            "digest": digest(f"{repository} {number}"),
            "repository": repository,
            "tag": f"v{number}",
        },
        "request": {
            "addr": "192.0.2.7:4711",
            "host": "registry.example.com:5000",
            "method": "PUT" if action == "push" else "GET",
            "useragent": "containers/5.24",
        },
        "actor": {"name": "ann"},
        "source": {"addr": "registry:5000", "instanceID": instance},
    }


def envelope(*items: dict[str, Any]) -> bytes:
    return orjson.dumps({"events": items})


def push(number: int, **how: str) -> bytes:
    """A delivery of one push; see `item`."""
    return envelope(item(number, **how))


async def deliver(db: Pool, registry_id: int, *bodies: bytes) -> None:
    """Put deliveries into the inbox, in order."""
    await inbox.store_deliveries(db, [registry_id] * len(bodies), [HEADERS] * len(bodies), bodies)
