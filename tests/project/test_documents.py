"""The documents match the code: every settings key is described, no other key is, and links are valid."""

import re
from pathlib import Path

from regdex.settings import Registry, Settings, _Section

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _keys(model: type[_Section], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, _Section):
            keys |= _keys(section, f"{name}.")
        elif name != "registries":
            keys.add(prefix + name)
    return keys


def test_every_settings_key_is_described_and_no_other() -> None:
    rows = [line for line in (DOCS / "settings.md").read_text().splitlines() if line.startswith("| `")]
    described = {key for row in rows for key in re.findall(r"`([a-z_.]+)`", row.split("|")[1])}

    assert described == _keys(Settings) | _keys(Registry)


def test_links_between_documents_lead_somewhere() -> None:
    root = DOCS.parent
    for document in [*root.glob("*.md"), *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            assert "://" in target or (document.parent / target).exists(), f"{document.name}: {target}"
