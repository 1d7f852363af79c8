"""Killed at any step, an index is the old one or the new one, whole, and can be written again."""

import asyncio
import signal
import sys
from pathlib import Path

from tests.regdex.search.conftest import Engine, fingerprint, in_batches, make_tantivy
from tests.regdex.search.corpus import CORPUS, document

OLD, NEW = len(CORPUS), len(CORPUS) + 1


STEPS = (
    ("rebuild", "before Place.make", OLD),
    ("rebuild", "before os.replace", OLD),  # of the fingerprint
    ("rebuild", "after Place.make", OLD),
    ("rebuild", "after Writer._add#2", OLD),
    ("rebuild", "before Place.point_to", OLD),
    ("rebuild", "before os.replace#2", OLD),  # of the pointer
    ("rebuild", "after os.replace#2", NEW),
    ("rebuild", "after Place.point_to", NEW),
    ("rebuild", "after Place.remove_others#2", NEW),
    ("write", "before Writer._add", OLD),
    ("write", "after Writer._add", OLD),
    ("write", "after Writer._write", OLD),  # one came, one went
)


async def test_killed_at_any_step_an_index_answers_and_can_be_written(tmp_path: Path) -> None:
    arguments: list[str] = []
    for number, (work, step, _) in enumerate(STEPS):
        engine = await make_tantivy(tmp_path / str(number))
        await engine.writer.rebuild(fingerprint(), in_batches(CORPUS))
        await engine.writer.close()
        arguments += (str(tmp_path / str(number) / "search"), work, step)

    crash = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.regdex.search.tantivy.crash", *arguments, stdout=asyncio.subprocess.PIPE
    )
    ends, _ = await crash.communicate()

    assert ends.split() == [str(signal.SIGKILL.value).encode()] * len(STEPS)
    for number, (work, step, size) in enumerate(STEPS):
        engine = await make_tantivy(tmp_path / str(number))
        was_written = size == NEW or (work, step) == ("write", "after Writer._write")
        assert (await engine.find("")).total == size, step
        assert await engine.names("new one") == (["new/one"] if was_written else []), step
        await assert_still_writable(engine, tmp_path / str(number) / "search")


async def assert_still_writable(engine: Engine, directory: Path) -> None:
    await engine.fill(document(901, "still/writable"))
    assert await engine.names("writable") == ["still/writable"]
    await engine.writer.rebuild(fingerprint(), in_batches(CORPUS))
    assert (await engine.find("")).total == OLD
    assert len([entry for entry in directory.iterdir() if entry.is_dir()]) == 1
    await engine.writer.close()
    await engine.index.close()
