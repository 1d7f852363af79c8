"""The catalog that searches are judged on, written by hand, and the small part of it that tests of the contract use."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from regdex.search import Document

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SMALL = 34
DEFAULT_REGISTRY = "prod"


def document(id: int, repository: str, **fields: Any) -> Document:
    """A document with what follows from its name; `age` is days since the last push."""
    project = repository.partition("/")[0] if "/" in repository else ""
    fields.setdefault("pushed_at", NOW - timedelta(days=fields.pop("age", 30)))
    made = Document(
        id=id,
        registry=DEFAULT_REGISTRY,
        repository=repository,
        project=project,
        project_id=sum(project.encode()),
        tag_count=1,
    )
    return replace(made, **fields)


def short_name(document: Document) -> str:
    """As judged answers name it: the registry is said where it is not the usual one."""
    if document.registry == DEFAULT_REGISTRY:
        return document.repository
    return f"{document.registry}:{document.repository}"


def _read(path: Path) -> tuple[Document, ...]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return tuple(_document(number, line) for number, line in enumerate(lines, start=1))


def _document(id: int, line: str) -> Document:
    name, numbers, *texts = line.split(" | ")
    registry, _, repository = name.rpartition(":")
    downloads, age = numbers.split()
    fields: dict[str, Any] = {"registry": registry or DEFAULT_REGISTRY, "downloads_30d": int(downloads)}
    if registry:  # the project of another registry is another one
        fields["project_id"] = id
    for text in texts:
        word, _, rest = text.partition(" ")
        if word in ("tags", "labels"):
            fields[word] = tuple(rest.split())
        elif word == "title":
            fields[word] = rest
        else:
            fields["description"] = text
    return document(id, repository, age=int(age), **fields)


CATALOG = _read(Path(__file__).parent / "golden" / "repositories.txt")
CORPUS = CATALOG[:SMALL]
