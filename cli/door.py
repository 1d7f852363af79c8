"""The `regdex` command's way in: where only a part of Regdex is installed, it says what is missing."""

import sys

EXTRAS = {"typer": "cli", "rich": "cli", "orjson": "cli", "pydantic": "cli", "tantivy": "embedded"}


def main() -> None:
    """Run the command; what it needs and is not installed becomes one line, and exit code 1."""
    try:
        from cli.main import main as run

        run()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "cli", "service", "indexer", "regdex"):
            raise
        extra = EXTRAS.get(package, "server")
        print(f'regdex: this needs {package}, which is not installed: pip install "regdex[{extra}]"', file=sys.stderr)
        sys.exit(1)
