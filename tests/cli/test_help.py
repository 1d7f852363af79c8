"""Every command has a help page, with an example that the command accepts."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.main import app

ROOT = typer.main.get_command(app)
NAMED = {
    *("up", "serve", "index", "backfill", "search", "repositories", "tags", "history", "lookup", "resolve"),
    *("downloads", "top", "webhook-config", "dead-letters", "db", "config", "version", "keys", "search-index"),
}


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path
    for name in inner or ():
        yield from _leaves(inner[name], (*path, name))


LEAVES = list(_leaves(ROOT, ()))


def test_every_command_is_there() -> None:
    assert {path[0] for path in LEAVES} >= NAMED


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_has_an_example_that_is_taken(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})

    assert shown.exit_code == 0
    lines = [re.sub(r"^Examples?: ", "", line.strip(" │")) for line in shown.output.splitlines()]
    examples = [line.removesuffix(";") for line in lines if line.startswith("regdex ")]
    assert examples, shown.output
    for example in examples:
        words = shlex.split(example.partition(" > ")[0].partition(" >> ")[0])
        assert tuple(words[1 : len(path) + 1]) == path
        command: Any = ROOT
        for name in path:
            command = command.commands[name]
        command.make_context(" ".join(path), words[len(path) + 1 :])


def test_brackets_in_help_are_no_markup() -> None:
    shown = CliRunner().invoke(app, ["resolve", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output

    assert "host/repository[:tag][@digest]" in shown
    assert "os/architecture[/variant]" in shown
