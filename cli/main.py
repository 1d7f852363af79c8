"""The `regdex` command: its subcommands and its exit codes.

0 success · 1 failure · 2 wrong usage or argument · 3 not found · 4 not allowed · 5 unavailable · 78 invalid settings
"""

import os
import sys
from typing import Annotated

import typer

from cli.commands import (
    configuration,
    databases,
    dead_letters,
    keys,
    reading,
    registries,
    running,
    search_index,
    searching,
)
from regdex import __version__
from regdex.errors import (
    InvalidArgument,
    Misconfigured,
    NotFound,
    PermissionDenied,
    RegdexError,
    Unauthenticated,
    Unavailable,
)

EXIT_CODES: dict[type[RegdexError], int] = {
    InvalidArgument: 2,
    NotFound: 3,
    PermissionDenied: 4,
    Unauthenticated: 4,
    Unavailable: 5,
    Misconfigured: 78,
}

app = typer.Typer(
    name="regdex",
    help="The searchable memory of all your private container registries.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (running, searching, reading, registries):
    module.register(app)
for name, group in (
    ("dead-letters", dead_letters.group),
    ("db", databases.group),
    ("keys", keys.group),
    ("config", configuration.group),
    ("search-index", search_index.group),
):
    app.add_typer(group, name=name, rich_help_panel=registries.PANEL)


@app.command(rich_help_panel="Other")
def version(short: Annotated[bool, typer.Option("--short", help="Print only the number.")] = False) -> None:
    """Print the version of Regdex.

    Example: regdex version --short
    """
    print(__version__ if short else f"regdex {__version__} (Python {sys.version.split()[0]})")


def main() -> None:
    """Run a command. Print a RegdexError as one line without a traceback, and exit with its code."""
    try:
        app()
    except RegdexError as error:
        from cli.terminal.output import plain

        print(f"regdex: {plain(str(error))}", file=sys.stderr)
        sys.exit(next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `regdex tags … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


if __name__ == "__main__":
    main()
