"""The texts that `regdex up` prints when it is ready: addresses, commands to try, webhook configuration."""

from rich.console import Console
from rich.text import Text

from cli.terminal.options import SERVER
from cli.terminal.output import plain
from cli.webhook_snippet import snippet_of
from regdex.settings import Registry, Settings


def greet(console: Console, settings: Settings, *, demo: bool, settings_options: str = "") -> None:
    """Print the addresses and some commands to try.

    `settings_options` are the options with which another command loads the same settings as this process.
    """
    scheme = "https" if settings.rest.cert_file else "http"
    rest = f"{scheme}://{settings.rest.listen}"
    tls = "" if settings.grpc.cert_file else "-plaintext "
    address = f"grpcs://{settings.grpc.listen}" if settings.grpc.cert_file else settings.grpc.listen
    server = "" if address == SERVER else f" --server {address}"
    console.print()
    _line(console, "REST", f"{rest}/api/v1   (documentation: {rest}/docs)")
    _line(console, "gRPC", settings.grpc.listen)
    _line(console, "webhooks", f"http://{settings.webhooks.listen}/webhooks/{{registry}}")
    _line(console, "metrics", f"http://{settings.metrics.listen}/metrics")
    for registry in settings.registries:
        _line(console, "registry", f"{registry.name}  {registry.url}")
    console.print()
    if demo and (shown := settings.registry("demo")):
        host = shown.all_hosts[0]
        commands = [
            f"regdex search{server} paymnet-gatway",
            f"regdex history{server} demo/payments/payment-gateway:production",
            f"regdex top{server} --window 7d",
            f"curl '{rest}/api/v1/resolve?reference={host}/payments/payment-gateway:production&platform=linux/arm64'",
            f'grpcurl {tls}-d \'{{"q": "zhifu"}}\' {settings.grpc.listen} regdex.v1.SearchService/SearchRepositories',
        ]
    else:
        name = settings.registries[0].name if settings.registries else "prod"
        webhooks = f"regdex webhook-config {name} {settings_options}".rstrip()
        commands = [
            f"{webhooks}    # paste it into the registry's configuration",
            f"regdex repositories{server}",
            f"regdex search{server} WORDS",
            f"curl '{rest}/api/v1/registries'",
            f"grpcurl {tls}{settings.grpc.listen} list",
        ]
    console.print(Text("Try in another terminal (in a clone, first run: . .venv/bin/activate):", style="bold"))
    for command in commands:
        console.print(Text("  " + plain(command)), soft_wrap=True)
    console.print()
    console.print(Text("Ctrl-C stops everything. The next start continues with the same data.", style="dim"))
    console.print()


def explain_silence(console: Console, settings: Settings, registry: Registry) -> None:
    """Print the webhook configuration of a registry that has sent none. It holds a secret: print to a terminal only."""
    console.print(Text(f"{registry.name} has not sent a webhook yet. Paste this into its configuration:", "bold"))
    console.print()
    console.print(Text(plain_lines(snippet_of(settings, registry))), soft_wrap=True)


def plain_lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.splitlines())


def _line(console: Console, name: str, value: str) -> None:
    console.print(Text(name.ljust(10), style="bold") + Text(plain(value)), soft_wrap=True)
