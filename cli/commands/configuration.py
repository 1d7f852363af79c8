"""`regdex config`: the settings."""

import typer

from cli.terminal.options import Config, Output
from cli.terminal.output import Format, print_json, print_table, text_of

group = typer.Typer(help="The settings.", no_args_is_help=True)


@group.command("check")
def check_config(config: Config = None, output: Output = Format.TABLE) -> None:
    """Check the settings and print them, without secrets.

    Example: regdex config check --config /etc/regdex/regdex.toml
    """
    from indexer.kinds import options_of
    from regdex import settings

    loaded = settings.load(config)
    for registry in loaded.registries:
        options_of(registry)
        if registry.password_file:
            settings.read_secret(registry.password_file)
    if output is Format.JSON:
        print_json(loaded.model_dump(mode="json"))
        return
    rows = []
    for section, value in loaded.model_dump(mode="json").items():
        if section == "registries":
            rows += [
                (f"registries.{item['name']}.{key}", text_of(part)) for item in value for key, part in item.items()
            ]
        elif isinstance(value, dict):
            rows += [(f"{section}.{key}", text_of(part)) for key, part in value.items()]
        else:
            rows.append((section, text_of(value)))
    print_table(("key", "value"), rows)
