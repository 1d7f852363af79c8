"""Output and exit codes of the commands that query and administer a running Regdex.

Commands that use the database run as separate processes. All others run in this one, which is a hundred times faster.
"""

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from cli.main import main
from regdex.database import Pool
from tests.harness.deliveries import digest, envelope, item, push
from tests.operations.installation import REGDEX, Installation, environment, until

AT_ONCE = 3


@dataclass
class Ended:
    """Exit code and output of a command."""

    code: int
    output: str
    errors: str


@dataclass
class Shell:
    """Runs commands with REGDEX_SERVER and REGDEX_CONFIG set."""

    place: Installation

    async def run(self, line: str) -> Ended:
        variables = {"REGDEX_SERVER": self.place.address("grpc"), "REGDEX_CONFIG": str(self.place.config)}
        process = await asyncio.create_subprocess_exec(
            REGDEX, *line.split(), env={**environment(), **variables},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await process.communicate()
        return Ended(process.returncode or 0, output.decode(), errors.decode())

    async def run_all(self, *lines: str) -> list[Ended]:
        """Run several at a time; return the results in order."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(line: str) -> Ended:
            async with turn:
                return await self.run(line)

        return await asyncio.gather(*map(one, lines))

    async def call(self, line: str) -> Ended:
        """Do the same as `run` in this process."""
        output, errors = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REGDEX_SERVER", self.place.address("grpc"))
            patch.setenv("REGDEX_CONFIG", str(self.place.config))
            patch.setattr("sys.argv", ["regdex", *line.split()])
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                code = await asyncio.to_thread(_main)
        return Ended(code, output.getvalue(), errors.getvalue())


def _main() -> int:
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest_asyncio.fixture
async def shell(tmp_path: Path, db: Pool, database_url: str) -> AsyncIterator[Shell]:
    """A Regdex that has received three pushes, a pull, and a delivery that it cannot decode."""
    place = Installation(tmp_path / "regdex", database_url)
    async with place.running("index"), place.running("serve"):
        await place.deliver(push(1), push(2), push(3, repository="payments/gateway"))
        await place.deliver(envelope(item(2, action="pull")), b"nonsense")

        async def is_quiet() -> bool:
            return not await db.fetchval("SELECT EXISTS (SELECT FROM inbox) OR EXISTS (SELECT FROM outbox)")

        await until(is_quiet)
        yield Shell(place)


PUSHED = digest("team/app 1")
SHOWN = {
    "search paymnet-gatway": "prod/payments/gateway",
    "repositories --match team/*": "prod/team/app",
    "tags prod/team/app": PUSHED[:19],
    "tags prod/team/app --newest --as-of 1d": "v1",
    "history prod/team/app:v1 --since 3d": "created",
    f"lookup {PUSHED}": "prod/team/app",
    f"lookup {PUSHED[7:19]}": "prod/team/app",
    "resolve registry.example.com/team/app:v1": PUSHED,
    "downloads prod/team/app --by tag --interval day": "v2",
    "top --window 7d": "prod/team/app",
    "dead-letters list": "not JSON",
    "backfill prod --no-wait": "prod #",
}


async def check_commands_that_ask(shell: Shell) -> None:
    for line, expected in SHOWN.items():
        ended = await shell.call(line)
        assert ended.code == 0, f"{line}: {ended}"
        assert expected in ended.output, f"{line}: {ended}"

        ended = await shell.call(f"{line} --output json")
        assert ended.code == 0, f"{line}: {ended}"
        assert orjson.loads(ended.output), line


async def check_commands_that_administer(shell: Shell) -> None:
    replayed, checked, state = [
        await shell.call(line) for line in ("dead-letters replay", "config check", "search-index status")
    ]
    status, upgraded, rebuilt = await shell.run_all("db status", "db upgrade", "search-index rebuild")
    assert (replayed.code, replayed.output) == (0, "1 replayed\n")
    assert (status.code, "applied" in status.output) == (0, True)
    assert (upgraded.code, upgraded.output) == (0, "nothing to do\n")
    assert (checked.code, "webhooks.listen" in checked.output) == (0, True)
    assert (rebuilt.code, rebuilt.output) == (0, "2 documents\n")
    assert (state.code, "behind" in state.output) == (0, True)

    snippet, version, short = [await shell.call(line) for line in ("webhook-config prod", "version", "version --short")]
    assert f"http://{shell.place.address('webhooks')}/webhooks/prod" in snippet.output
    assert "Bearer operations-secret" in snippet.output
    assert version.output.startswith(f"regdex {short.output.strip()} ")

    made = await shell.run("keys create portal --scope read --expires 90d")
    assert (made.code, made.output[:4]) == (0, "rdx_")
    listed = await shell.run("keys list --output json")
    (key,) = orjson.loads(listed.output)
    assert (key["name"], key["scope"], key["revoked_at"]) == ("portal", "read", None)
    assert (await shell.run(f"keys revoke {key['id']}")).output == f"{key['id']} revoked\n"


WRONG = {
    "tags prod/nothing/here": 3,
    "history prod/team/app:v9": 3,
    "lookup " + "0" * 64: 3,
    "tags nonsense": 2,
    "lookup xyz": 2,
    "top --window 3x": 2,
    "history prod/team/app": 2,
    "search --no-such-option x": 2,
    "webhook-config other": 3,
    "search x --server 127.0.0.1:9": 5,
    "config check --config /nowhere/regdex.toml": 78,
    "backfill other": 3,
}


WRONG_AT_THE_DATABASE = {"keys revoke aaaaaaaa": 3, "keys create x --scope all": 2}


async def check_refusals(shell: Shell) -> None:
    ended = [await shell.call(line) for line in WRONG] + await shell.run_all(*WRONG_AT_THE_DATABASE)
    for (line, code), one in zip((WRONG | WRONG_AT_THE_DATABASE).items(), ended, strict=True):
        assert (one.code, one.output) == (code, ""), f"{line}: {one}"
        assert "Usage:" in one.errors or re.fullmatch(r"regdex: .+\n", one.errors), f"{line}: {one}"


async def test_commands_answer_administer_and_refuse(shell: Shell) -> None:
    await check_commands_that_ask(shell)
    await check_refusals(shell)
    await check_commands_that_administer(shell)
