"""The deploy files: parsed, and their commands and settings tried outside containers."""

import asyncio
import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from indexer.kinds.distribution import Distribution
from tests.harness.registries import free_port, require_registry

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
REGDEX = Path(sys.executable).parent / "regdex"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def _regdex(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("REGDEX_")}
    return subprocess.run([REGDEX, *arguments], capture_output=True, text=True, env=environment, check=False)


def test_the_settings_are_valid() -> None:
    done = _regdex("config", "check", "--config", DEPLOY / "regdex.toml")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", ["index", "serve"])
def test_the_commands_exist(service: str) -> None:
    (command,) = COMPOSE["services"][service]["command"]
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / f"regdex-{service}.service")

    assert unit["Service"]["ExecStart"].split()[1] == command == service
    assert _regdex(command, "--help").returncode == 0


def test_each_process_has_a_key_of_its_own_for_the_search_engine_and_not_the_master_key() -> None:
    for service in ("index", "serve"):
        secret = f"search-{service}"
        assert COMPOSE["services"][service]["environment"]["REGDEX_SEARCH_API_KEY_FILE"] == f"/run/secrets/{secret}"
        assert set(COMPOSE["services"][service]["secrets"]) == {"webhook", secret}
        assert COMPOSE["secrets"][secret]["file"] == f"./secrets/search/{service}"
        assert COMPOSE["services"][service]["depends_on"]["meilisearch"] == {"condition": "service_healthy"}


def test_the_search_engine_runs_for_production_within_bounds() -> None:
    engine = COMPOSE["services"]["meilisearch"]

    assert engine["environment"]["MEILI_ENV"] == "production"
    assert engine["mem_limit"] == "2g"
    assert "ports" not in engine


def test_the_registry_is_told_what_regdex_would_print() -> None:
    ours = yaml.safe_load(Distribution().snippet("http://index:8081/webhooks/prod", "change-me"))
    theirs = yaml.safe_load((DEPLOY / "registry-config.yml").read_text())

    assert theirs["notifications"] == ours["notifications"]


async def test_a_real_registry_starts_with_the_configuration(tmp_path: Path) -> None:
    require_registry()
    port = free_port()
    configuration = yaml.safe_load((DEPLOY / "registry-config.yml").read_text())
    configuration["http"]["addr"] = f"127.0.0.1:{port}"
    configuration["storage"]["filesystem"]["rootdirectory"] = str(tmp_path / "storage")
    (tmp_path / "config.yml").write_text(yaml.safe_dump(configuration))
    process = await asyncio.create_subprocess_exec(
        "docker-registry", "serve", tmp_path / "config.yml", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(15):
            while True:
                assert process.returncode is None
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("service", ["index", "serve"])
def test_systemd_understands_the_units(service: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    unit = (DEPLOY / f"regdex-{service}.service").read_text().replace("/opt/regdex/bin/regdex", str(REGDEX))
    file = tmp_path / f"regdex-{service}.service"
    file.write_text(unit)

    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
