"""Entry point of the `regdex` command. It names the missing extra when only a part of Regdex is installed."""

import sys

EXTRAS = {"typer": "cli", "rich": "cli", "orjson": "cli", "pydantic": "cli", "tantivy": "embedded"}


def main() -> None:
    """Run the command. Report a missing package as one line, with exit code 1."""
    try:
        from cli.main import main as run

        run()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "cli", "service", "indexer", "regdex"):
            raise
        extra = EXTRAS.get(package, "server")
        print(f'regdex: {package} is not installed: run pip install "regdex[{extra}]"', file=sys.stderr)
        sys.exit(1)
