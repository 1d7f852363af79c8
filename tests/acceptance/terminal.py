"""A command in a terminal of its own: what it writes there can be read, and keys can be pressed."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
COLUMNS = 160


class Terminal:
    """`text` is all that was written so far, without what moves the cursor or colours."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self._master = master
        self._process = process
        self._written = b""
        asyncio.get_running_loop().add_reader(master, self._read)

    @property
    def text(self) -> str:
        return CONTROL.sub("", self._written.decode(errors="replace"))

    async def until(self, words: str, *, within: float = 60.0) -> None:
        """Wait until `words` are on it; fails with what is there instead."""
        try:
            async with asyncio.timeout(within):
                while words not in self.text:
                    assert self._process.returncode is None, self.text[-4000:]
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"no {words!r} in:\n{self.text[-4000:]}") from None

    async def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    async def end(self) -> int:
        """The exit code, once it has ended by itself."""
        async with asyncio.timeout(30):
            return await self._process.wait()

    def _read(self) -> None:
        try:
            self._written += os.read(self._master, 65536)
        except OSError:  # nobody has the other end any more
            asyncio.get_running_loop().remove_reader(self._master)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@asynccontextmanager
async def terminal(*command: str | Path, cwd: Path, environment: Mapping[str, str]) -> AsyncIterator[Terminal]:
    """Run a command in a terminal; killed in the end if it runs still."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env={**environment, "TERM": "xterm-256color"},
        start_new_session=True, preexec_fn=_take_terminal,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)
