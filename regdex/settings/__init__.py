"""Settings: `regdex.toml`, overridden by `REGDEX_<SECTION>_<KEY>`, overridden by options of the command line.

Every key except a registry's `name` and `url` has a default. An unknown key is an error that names the key. Secrets
are kept in files of their own. Relative paths start at the directory of `regdex.toml`.
"""

from regdex.settings.loading import load
from regdex.settings.secrets import read_or_make_secret, read_secret, read_secrets
from regdex.settings.sections import (
    Cadence,
    Grpc,
    Registry,
    Rest,
    Search,
    Section,
    Settings,
    Webhooks,
    split_address,
)

__all__ = [
    "Cadence",
    "Grpc",
    "Registry",
    "Rest",
    "Search",
    "Section",
    "Settings",
    "Webhooks",
    "load",
    "read_or_make_secret",
    "read_secret",
    "read_secrets",
    "split_address",
]
