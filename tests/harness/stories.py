"""Stories of a registry for tests: what happened, told as a Distribution registry tells it, and what is so at the end.

`Registry` is the model: it does, in the order of time, what a registry does, and knows nothing of logs or observations.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from indexer.kinds import Delivery, kind_of
from regdex.events import Event

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Happening:
    """`kind` is push, pull, head, or what was deleted: tag, manifest, repository."""

    seconds: float
    kind: str
    repository: str = "team/app"
    tag: str = ""
    number: int = 0
    actor: str = ""
    id: int = 0

    @property
    def event_id(self) -> str:
        return str(uuid.UUID(int=self.id + 1)) if self.id else str(uuid.uuid5(uuid.NAMESPACE_OID, repr(self)))

    def item(self) -> dict[str, Any]:
        """As Distribution sends it."""
        target: dict[str, Any] = {"repository": self.repository}
        if self.kind in ("push", "pull", "head", "manifest"):
            target["digest"] = digest(self.number)
        if self.kind in ("push", "pull", "head"):
            target |= {
                "mediaType": MANIFEST,
                "url": f"http://r/v2/{self.repository}/manifests/{digest(self.number)}",
            }
        if self.tag and self.kind not in ("manifest", "repository"):
            target["tag"] = self.tag
        method = {"push": "PUT", "pull": "GET", "head": "HEAD"}.get(self.kind, "DELETE")
        return {
            "id": self.event_id,
            "timestamp": at(self.seconds).isoformat(),
            "action": {"push": "push", "pull": "pull", "head": "pull"}.get(self.kind, "delete"),
            "target": target,
            "request": {"addr": "192.0.2.1:4711", "method": method, "useragent": "docker/27"},
            "actor": {"name": self.actor} if self.actor else {},
            "source": {"instanceID": "one"},
        }


def tell(
    happenings: Iterable[Happening], *, registry: str = "prod", id: int = 1, received_at: datetime | None = None
) -> list[Event]:
    """The events of one delivery, through the decoder."""
    body = orjson.dumps({"events": [happening.item() for happening in happenings]})
    decoded = kind_of("distribution").decode(Delivery(id, registry, received_at or datetime.now(UTC), {}, body))
    assert not decoded.rejected
    return decoded.events


@dataclass
class Registry:
    """What is in a registry after a story, and what each tag pointed to since when; None is deleted."""

    tags: dict[tuple[str, str], int] = field(default_factory=dict)
    since: dict[tuple[str, str], datetime] = field(default_factory=dict)
    manifests: set[tuple[str, int]] = field(default_factory=set)
    history: dict[tuple[str, str], list[tuple[int | None, datetime]]] = field(default_factory=lambda: defaultdict(list))
    pushed_at: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def after(cls, story: Sequence[Happening]) -> "Registry":
        registry = cls()
        for happening in sorted(story, key=lambda it: (it.seconds, it.kind == "push")):
            registry.do(happening)
        return registry

    def do(self, happening: Happening) -> None:
        repository, when = happening.repository, at(happening.seconds)
        if happening.kind == "push":
            self.manifests.add((repository, happening.number))
            self.pushed_at[repository] = when
            if happening.tag:
                self.point((repository, happening.tag), happening.number, when)
        elif happening.kind == "tag":
            self.point((repository, happening.tag), None, when)
        elif happening.kind == "manifest":
            self.manifests.discard((repository, happening.number))
            for key in [key for key, number in self.tags.items() if (key[0], number) == (repository, happening.number)]:
                self.point(key, None, when)
        elif happening.kind == "repository":
            self.manifests = {key for key in self.manifests if key[0] != repository}
            for key in [key for key in self.tags if key[0] == repository]:
                self.point(key, None, when)

    def point(self, key: tuple[str, str], number: int | None, when: datetime) -> None:
        entries = self.history[key]
        if not entries or entries[-1][0] != number:
            entries.append((number, when))
            self.since[key] = when
        if number is None:
            self.tags.pop(key, None)
        else:
            self.tags[key] = number
