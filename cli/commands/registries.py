"""Commands about registries: webhook-config, backfill, audit-truth."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.terminal.options import SERVER, ApiKey, Config, DataDir, Output, Registries, Server, with_registries
from cli.terminal.output import Format, print_json, print_table

if TYPE_CHECKING:
    from indexer.fetching.audit import Audit

PANEL = "Administration"

OneRegistry = Annotated[str, typer.Argument(help="Name of the registry.", show_default="all")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    for command in (webhook_config, backfill, audit_truth):
        app.command(rich_help_panel=PANEL)(command)


def webhook_config(
    registry: Annotated[str, typer.Argument(help="Name of the registry in the settings.")],
    config: Config = None,
    url: Annotated[
        str,
        typer.Option(help="Address at which the registry reaches Regdex.", show_default="from webhooks.listen"),
    ] = "",
    registries: Registries = None,
    data_dir: DataDir = None,
) -> None:
    """Print the webhook configuration to paste into a registry.

    Example: regdex webhook-config prod >> config.yml
    """
    from cli.webhook_snippet import snippet_of
    from regdex import settings
    from regdex.errors import NotFound

    overrides = with_registries(registries) | ({"data_dir": str(data_dir.absolute())} if data_dir else {})
    loaded = settings.load(config, overrides=overrides)
    found = loaded.registry(registry)
    if found is None:
        names = ", ".join(item.name for item in loaded.registries) or "none"
        raise NotFound(f"no registry {registry!r} in the settings, which name: {names}")
    print(snippet_of(loaded, found, url), end="")


def backfill(
    registry: OneRegistry = "",
    force: Annotated[bool, typer.Option("--force", help="Record deletions, however many tags would vanish.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show progress until the read ends.")] = True,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Read a registry in full, to find changes that webhooks did not report.

    Example: regdex backfill prod
    """
    from cli.backfilling import run_backfills

    asyncio.run(run_backfills(server, api_key, registry, force=force, wait=wait, form=output))


def audit_truth(
    registry: OneRegistry = "",
    sample: Annotated[int, typer.Option("--sample", "-n", min=1, help="Tags and manifests to check, at random.")] = 500,
    everything: Annotated[bool, typer.Option("--all", help="Check all tags and manifests.")] = False,
    config: Config = None,
    output: Output = Format.TABLE,
) -> None:
    """Compare the catalog with the registries. Print the differences and repair them.

    Exit with 1 if Regdex called a wrong answer complete. A difference is
    DECLARED when Regdex called its answer incomplete.

    Example: regdex audit-truth prod --sample 500
    """
    from cli.direct.audits import run_audits

    audits = asyncio.run(run_audits(config, registry, sample=None if everything else sample))
    if output is Format.JSON:
        print_json({name: _as_dict(audit) for name, audit in audits.items()})
    else:
        _print_audits(audits)
    if any(audit.undeclared for audit in audits.values()):
        raise typer.Exit(1)


def _as_dict(audit: "Audit") -> dict[str, Any]:
    return {
        "asked": audit.asked,
        "unanswered": dict(audit.unanswered),
        "differed": len(audit.differences),
        "differed_undeclared": len(audit.undeclared),
        "differences": [
            {
                "repository": one.repository,
                "reference": one.reference,
                "believed": str(one.believed or ""),
                "found": str(one.found or ""),
                "seen_at": one.seen_at.isoformat(),
                "declared": one.is_declared,
            }
            for one in audit.differences
        ],
    }


def _print_audits(audits: "dict[str, Audit]") -> None:
    counts = []
    differences = []
    for name, audit in audits.items():
        differed, declared = len(audit.differences), len(audit.differences) - len(audit.undeclared)
        counts.append((name, *map(str, (audit.asked, audit.unanswered.total(), differed, declared))))
        for one in audit.differences:
            where = (f"{name}/{one.repository}", one.reference)
            differences.append((*where, str(one.found or "absent"), f"{one.seen_at:%Y-%m-%d %H:%M}"))
    print_table(("REGISTRY", "ASKED", "UNANSWERED", "DIFFERED", "DECLARED"), counts)
    if differences:
        print_table(("REPOSITORY", "TAG OR DIGEST", "IN THE REGISTRY", "NOT BEFORE"), differences)
