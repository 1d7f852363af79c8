"""Regdex as processes that are killed and come back, as under a supervisor."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

REGDEX = Path(sys.executable).parent / "regdex"
RESTART_SECONDS = 0.1


class Supervised:
    """A `regdex` command that is started again whenever it ends."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._command = (REGDEX, *arguments)
        self._log = directory / f"{arguments[0]}.log"
        self._process: asyncio.subprocess.Process | None = None
        self.name = arguments[0]
        self.starts = 0

    async def run(self) -> None:
        """Keep it running until cancelled, then stop it as a supervisor would."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("REGDEX_")}
        try:
            while True:
                with self._log.open("ab") as log:
                    self._process = await asyncio.create_subprocess_exec(
                        *self._command, stdout=log, stderr=log, env=environment
                    )
                self.starts += 1
                await self._process.wait()
                await asyncio.sleep(RESTART_SECONDS)
        finally:
            if self._process is not None and self._process.returncode is None:
                self._process.terminate()
                await self._process.wait()

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]


class EmbeddedPostgres:
    """The embedded server, which whoever keeps it starts again. `data_dir` is that of `embedded.running`."""

    name = "postgres"

    def __init__(self, home: Path) -> None:
        self._pid_file = home / "postgres" / "postmaster.pid"

    async def kill(self) -> None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):  # it is not up again yet
            os.kill(int(self._pid_file.read_text().split("\n", 1)[0]), signal.SIGKILL)
