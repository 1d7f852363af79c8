"""Reads `queries.txt`: what was typed, of which kind it is, and its judged answers."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Judged:
    """One query. Answers are `[registry:]repository` as in `repositories.txt`; all of `best` are equally good."""

    kind: str
    text: str
    best: tuple[str, ...]
    acceptable: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[str, ...]:
        return self.best + self.acceptable


def _read(path: Path) -> tuple[Judged, ...]:
    found, kind = [], ""
    for line in path.read_text().splitlines():
        text, arrow, answers = line.partition(" => ")
        if line.startswith("["):
            kind = line.strip("[]")
        elif arrow and not line.startswith("#"):
            best, _, acceptable = answers.partition(" + ")
            found.append(Judged(kind, text, tuple(best.split()), tuple(acceptable.split())))
    return tuple(found)


GOLDEN = _read(Path(__file__).with_name("queries.txt"))
KINDS = tuple(dict.fromkeys(judged.kind for judged in GOLDEN))
