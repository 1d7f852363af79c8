"""What `regdex up` says when it is ready: addresses, and what to try."""

from rich.console import Console
from rich.text import Text

from cli.output import plain
from regdex.settings import Settings


def greet(console: Console, settings: Settings, *, demo: bool) -> None:
    """Print the addresses and commands to try; for the demo they have answers from the start."""
    scheme = "https" if settings.rest.cert_file else "http"
    rest = f"{scheme}://{settings.rest.listen}"
    tls = "" if settings.grpc.cert_file else "-plaintext "
    server = "" if settings.grpc.listen == "127.0.0.1:9090" else f" --server {settings.grpc.listen}"
    console.print()
    _line(console, "REST", f"{rest}/api/v1   (what there is: {rest}/docs)")
    _line(console, "gRPC", settings.grpc.listen)
    _line(console, "webhooks", f"http://{settings.webhooks.listen}/webhooks/{{registry}}")
    _line(console, "metrics", f"http://{settings.metrics.listen}/metrics")
    for registry in settings.registries:
        _line(console, "registry", f"{registry.name}  {registry.url}")
    console.print()
    if demo:
        host = settings.registries[0].all_hosts[0]
        commands = [
            f"regdex search{server} paymnet-gatway",
            f"regdex history{server} demo/payments/payment-gateway:production",
            f"regdex top{server} --window 7d",
            f"curl '{rest}/api/v1/resolve?reference={host}/payments/payment-gateway:production&platform=linux/arm64'",
            f'grpcurl {tls}-d \'{{"q": "zhifu"}}\' {settings.grpc.listen} regdex.v1.SearchService/SearchRepositories',
        ]
    else:
        name = settings.registries[0].name if settings.registries else "prod"
        commands = [
            f"regdex webhook-config {name}    # paste it into the registry's configuration",
            f"regdex repositories{server}",
            f"regdex search{server} WORDS",
            f"curl '{rest}/api/v1/registries'",
            f"grpcurl {tls}{settings.grpc.listen} list",
        ]
    console.print(Text("Try in another terminal (commands of Regdex are in .venv/bin):", style="bold"))
    for command in commands:
        console.print(Text("  " + plain(command)), soft_wrap=True)
    console.print()
    console.print(Text("Ctrl-C stops everything; the next start goes on where this one was.", style="dim"))
    console.print()


def _line(console: Console, name: str, value: str) -> None:
    console.print(Text(name.ljust(10), style="bold") + Text(plain(value)), soft_wrap=True)
