"""Processes that end by SIGKILL at a step of writing: `python -m tests.regdex.search.tantivy.crash DIR WORK STEP ...`.

Each has a copy of its own of what is loaded here once; prints what ended it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from regdex.search.tantivy import place, writer
from tests.regdex.search.conftest import fingerprint, in_batches
from tests.regdex.search.corpus import CORPUS, document

OWNERS: dict[str, Any] = {"place": place, "Place": place.Place, "Writer": writer.TantivyWriter, "os": os}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(step: str) -> None:
    """`before os.replace` or `after Place.make`, with `#2` for its second call."""
    when, name = step.split(" ")
    name, _, number = name.partition("#")
    owner, method = name.split(".")
    real: Callable[..., Any] = getattr(OWNERS[owner], method)
    calls = 0

    def deadly(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls < int(number or 1):
            return real(*arguments, **named)
        if when == "after":
            real(*arguments, **named)
        return die()

    setattr(OWNERS[owner], method, deadly)


async def main(directory: Path, work: str, step: str) -> None:
    engine = writer.TantivyWriter(directory)
    await engine.fingerprint()
    die_at(step)
    if work == "rebuild":
        await engine.rebuild(fingerprint(), in_batches([*CORPUS, document(900, "new/one")], 10))
    else:
        await engine.write([document(900, "new/one")], [CORPUS[0].id])


if __name__ == "__main__":
    for at in range(1, len(sys.argv), 3):
        child = os.fork()
        if child == 0:
            asyncio.run(main(Path(sys.argv[at]), sys.argv[at + 1], sys.argv[at + 2]))
            os._exit(0)
        print(-os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
