"""A random story of deliveries, and what has to be in the catalog once each of them is recorded exactly once."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson

START = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0) - timedelta(days=1)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(slots=True)
class Model:
    """What follows from the story: by repository and tag, the digest (None: gone) at each time; pulls; pushes."""

    tags: dict[tuple[str, str], dict[datetime, str | None]] = field(default_factory=lambda: defaultdict(dict))
    pushes: set[tuple[str, str, datetime]] = field(default_factory=set)
    pulls: set[tuple[str, str, datetime]] = field(default_factory=set)

    def tag_events(self) -> set[tuple[str, str, datetime, str | None]]:
        return {(*key, at, digest) for key, log in self.tags.items() for at, digest in log.items()}

    def current_tags(self) -> set[tuple[str, str, str]]:
        last = {key: log[max(log)] for key, log in self.tags.items()}
        return {(*key, digest) for key, digest in last.items() if digest is not None}


def make_story(random: Random, count: int) -> tuple[list[bytes], Model]:
    """`count` deliveries, each of one event a millisecond after the one before it, out of order; and their model."""
    model = Model()
    bodies = []
    pushed: list[tuple[str, str, str]] = []
    for number in range(count):
        at = START + timedelta(milliseconds=number)
        repository = f"team-{random.randrange(5)}/app-{random.randrange(12)}"
        tag = f"v{random.randrange(30)}"
        chance = random.random()
        if chance < 0.55 or not pushed:
            digest = f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"
            pushed.append((repository, tag, digest))
            model.tags[repository, tag][at] = digest
            model.pushes.add((repository, digest, at))
            event = _event(number, at, "push", "PUT", repository=repository, tag=tag, digest=digest)
        elif chance < 0.65:
            model.tags[repository, tag][at] = None
            event = _event(number, at, "delete", "DELETE", repository=repository, tag=tag)
        else:
            repository, tag, digest = random.choice(pushed)
            model.pulls.add((repository, digest, at))
            event = _event(number, at, "pull", "GET", repository=repository, tag=tag, digest=digest)
        bodies.append(orjson.dumps({"events": [event]}))
    for start in range(0, count, 200):  # a registry's queue does not promise order
        part = bodies[start : start + 200]
        random.shuffle(part)
        bodies[start : start + 200] = part
    return bodies, model


def _event(number: int, at: datetime, action: str, method: str, **target: Any) -> dict[str, Any]:
    return {
        "id": f"event-{number}",
        "timestamp": at.isoformat(),
        "action": action,
        "target": target if action == "delete" else {"mediaType": MANIFEST, **target},
        "request": {"addr": f"192.0.2.{number % 250}:4711", "method": method, "useragent": "containers/5.24"},
        "actor": {"name": f"robot-{number % 3}"},
        "source": {"instanceID": "one"},
    }
