"""What Regdex says of a repository, compared with what the registry says at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.acceptance.stack import Api
from tests.acceptance.story.judging import Wrong

ABSENT = "nothing"
REGISTRY = "prod"
AT_ONCE = 8


@dataclass
class Asked:
    """Counts of answers, and those that were wrong though they called themselves complete."""

    answers: int = 0
    complete: int = 0
    wrong: list[Wrong] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)

    def add(self, other: "Asked") -> None:
        self.answers += other.answers
        self.complete += other.complete
        self.wrong += other.wrong
        self.incomplete += other.incomplete


def claim(answer: Any) -> tuple[bool | None, datetime | None]:
    """Whether an answer calls itself complete (None where it says nothing of that), and its `reconciled_at`."""
    for part in (answer, *(value for value in answer.values() if isinstance(value, dict))):
        if "complete" in part:
            reconciled = part.get("reconciled_at")
            return part["complete"], datetime.fromisoformat(reconciled) if reconciled else None
    return None, None


class Questioner:
    """Asks `api` about repositories of the registry whose references begin with `host`.

    What a digest's answer says of presence is as old as `deeply_read_at`: only a weekly look asks about manifests that
    no tag points to.
    """

    def __init__(self, api: Api, host: str, deeply_read_at: Callable[[], Awaitable[datetime | None]]) -> None:
        self._api = api
        self._host = host
        self._deeply_read_at = deeply_read_at
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def reconciled_at(self) -> datetime | None:
        registry = await self._api.ask("GetRegistry", registry=REGISTRY)
        return datetime.fromisoformat(registry["reconciled_at"]) if registry["reconciled_at"] else None

    async def ask(
        self, repository: str, tags: dict[str, str], presence: dict[str, bool], picked: Sequence[str]
    ) -> Asked:
        """All tags in one list; history and reference of the `picked` ones; each digest of `presence`.

        `tags` and `presence` are the registry's. An answer of 404 claims nothing.
        """
        asked = Asked()
        reconciled_at, deeply_read_at = await self.reconciled_at(), await self._deeply_read_at()

        def add(operation: str, answer: Any, said: Iterable[tuple[str, str, str]]) -> None:
            if answer is None:
                return
            is_complete, own = claim(answer)
            if is_complete is None:
                return
            asked.answers += 1
            if not is_complete:
                asked.incomplete.append(f"{operation} {repository}")
                return
            asked.complete += 1
            for name, says, truth in said:
                if says != truth:
                    read_at = deeply_read_at if ":" in name else own or reconciled_at
                    asked.wrong.append(Wrong(operation, repository, name, says, truth, datetime.now(UTC), read_at))

        answer = await self.list_tags(repository)
        if answer is not None:
            said = {tag["tag"]: tag["digest"] for tag in answer["tags"]}
            names = sorted({*said, *tags})
            add("ListTags", answer, [(name, said.get(name, ABSENT), tags.get(name, ABSENT)) for name in names])

        async def ask_tag(tag: str) -> None:
            truth = tags.get(tag, ABSENT)
            answer = await self._ask("ListTagHistory", registry=REGISTRY, repository=repository, tag=tag)
            add("ListTagHistory", answer, [(tag, newest(answer), truth)])
            answer = await self._ask("ResolveReference", reference=f"{self._host}/{repository}:{tag}")
            add("ResolveReference", answer, [(tag, answer["digest"] if answer else ABSENT, truth)])

        async def ask_digest(digest: str, truth: str) -> None:
            answer = await self._ask("ResolveReference", reference=f"{self._host}/{repository}@{digest}")
            add("ResolveReference", answer, [(digest, _presence(answer is not None), truth)])
            answer = await self._ask("GetManifest", registry=REGISTRY, repository=repository, digest=digest)
            add("GetManifest", answer, [(digest, _presence(answer is not None and answer["present"]), truth)])
            answer = await self._ask("LookupDigest", digest=digest, page_size=1000)
            add("LookupDigest", answer, [(digest, _presence(is_held(answer, repository)), truth)])

        await asyncio.gather(
            *(ask_tag(tag) for tag in picked),
            *(ask_digest(digest, _presence(is_there)) for digest, is_there in presence.items()),
        )
        return asked

    async def _ask(self, operation: str, **parameters: Any) -> Any:
        async with self._turns:
            return await self._api.ask(operation, **parameters)

    async def list_tags(self, repository: str) -> Any:
        return await self._api.ask(
            "ListTags", registry=REGISTRY, repository=repository, include_artifacts="true", page_size=1000
        )


def newest(history: Any) -> str:
    """What the end of a history says that a tag is now."""
    entries = history["entries"] if history else []
    return entries[0]["digest"] or ABSENT if entries else ABSENT


def is_held(answer: Any, repository: str) -> bool:
    """Whether a look-up finds the manifest in the repository."""
    return any(
        match["repository"] == repository and match["present"] for match in (answer or {"matches": []})["matches"]
    )


def _presence(is_there: bool) -> str:
    return "present" if is_there else "absent"
