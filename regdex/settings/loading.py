"""Loading: the settings file, the environment and the command line's options become one `Settings`."""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from regdex.errors import Misconfigured
from regdex.settings.sections import Section, Settings

ENVIRONMENT_PREFIX = "REGDEX_"
SEARCHED = (Path("regdex.toml"), Path("/etc/regdex/regdex.toml"))


def load(
    path: Path | None = None, *, overrides: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> Settings:
    """Read `path`, else `regdex.toml` of the working directory, else /etc/regdex/regdex.toml; then apply the overrides.

    The environment overrides the file, and `overrides`, nested as the file, override both. Raise Misconfigured with the
    file or variable and the key.
    """
    file = path or next((candidate for candidate in SEARCHED if candidate.is_file()), None)
    data: dict[str, Any] = {}
    if file is not None:
        try:
            data = tomllib.loads(file.read_text("utf-8"))
        except OSError as error:
            raise Misconfigured(f"{file}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{file}: {error}") from error
    _merge(data, _from_environment(dict(os.environ) if environment is None else environment))
    _merge(data, overrides or {})
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'settings'}: {_message(item)}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise Misconfigured(f"{file or 'settings'}: {problems}") from None
    return _resolve(settings, file.parent if file else Path())


def _message(item: Any) -> str:
    return "unknown key" if item["type"] == "extra_forbidden" else str(item["msg"]).removeprefix("Value error, ")


def _from_environment(environment: dict[str, str]) -> dict[str, Any]:
    """Convert `REGDEX_REST_LISTEN` to rest.listen, and so on. Raise Misconfigured for a variable that matches no key.

    Registries cannot be set by variables.
    """
    data: dict[str, Any] = {}
    for variable, value in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable.startswith("REGDEX_TEST_"):
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if name in ("config", "server", "api_key", "worker"):  # options of the command line
            continue
        if name == "data_dir":
            data[name] = value
            continue
        section, _, key = name.partition("_")
        field = Settings.model_fields.get(section)
        model = field.annotation if field else None
        if not (isinstance(model, type) and issubclass(model, Section) and key in model.model_fields):
            raise Misconfigured(f"{variable}: unknown key")
        is_list = "tuple" in str(model.model_fields[key].annotation)
        data.setdefault(section, {})[key] = (
            [part.strip() for part in value.split(",") if part.strip()] if is_list else value
        )
    return data


def _merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _resolve(settings: Settings, base: Path) -> Settings:
    def anchor(section: Section) -> Section:
        paths = {name: base / value for name, value in section if isinstance(value, Path)}
        return section.model_copy(update=paths)

    sections = {name: anchor(value) for name, value in settings if isinstance(value, Section)}
    registries = tuple(anchor(registry) for registry in settings.registries)
    return settings.model_copy(update={**sections, "registries": registries, "data_dir": base / settings.data_dir})
