"""A Regdex to be killed: `python -m tests.cli.embedded.parent DATA_DIR [no-namespaces ELSEWHERE]`.

It starts the embedded PostgreSQL, prints the URL, or the error, as one line, and stops when its input ends.
"""

import asyncio
import sys
from pathlib import Path

import structlog

from cli import embedded
from regdex.errors import RegdexError


async def main(data_dir: Path, options: embedded.Options) -> None:
    try:
        async with embedded.running(data_dir, options=options) as url:
            print(url, flush=True)
            await asyncio.to_thread(sys.stdin.read)
    except RegdexError as error:
        print(f"{type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    folder, *rest = sys.argv[1:]
    given = embedded.Options(namespaces=False, elsewhere=Path(rest[1])) if rest else embedded.Options()
    asyncio.run(main(Path(folder), given))
