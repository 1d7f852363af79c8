"""Settings: the file, variables over it, options over both; what is wrong is named, what is missing has a default."""

import stat
from pathlib import Path
from typing import Any

import pytest

from regdex import settings
from regdex.errors import Misconfigured
from regdex.settings import Settings

SAMPLE = """
data_dir = "regdex-data"                  # embedded PostgreSQL and Tantivy live here

[database]
url = ""                                  # empty: embedded
[search]
url = ""                                  # empty: Tantivy; else a Meilisearch
api_key_file = ""
[rest]
listen = "127.0.0.1:8080"
[grpc]
listen = "127.0.0.1:9090"
[webhooks]
listen = "127.0.0.1:8081"
[metrics]
listen = "127.0.0.1:9464"

[[registries]]
name = "prod"                             # the {registry} of every path
kind = "distribution"
url = "http://127.0.0.1:5000"
webhook_secret_file = "secrets/prod"      # empty: made at first start, shown by `regdex webhook-config prod`
username = ""
password_file = ""
"""


def load(directory: Path, text: str, *, environment: dict[str, str] | None = None, **overrides: Any) -> Settings:
    file = directory / "regdex.toml"
    file.write_text(text)
    return settings.load(file, environment=environment or {}, overrides=overrides)


def test_the_sample_is_valid_as_it_is_printed(tmp_path: Path) -> None:
    loaded = load(tmp_path, SAMPLE)

    (registry,) = loaded.registries
    assert (registry.name, registry.kind, registry.url) == ("prod", "distribution", "http://127.0.0.1:5000")
    assert loaded.webhook_secret_path(registry) == tmp_path / "secrets" / "prod"
    assert loaded.data_dir == tmp_path / "regdex-data"
    assert (registry.password_file, loaded.search.api_key_file) == (None, None)


def test_an_empty_path_is_none(tmp_path: Path) -> None:
    loaded = load(tmp_path, SAMPLE.replace('"secrets/prod"', '""') + 'ca_file = ""\n')

    assert loaded.registries[0].ca_file is None
    assert loaded.webhook_secret_path(loaded.registries[0]) == tmp_path / "regdex-data" / "secrets" / "webhook-prod"


def test_only_name_and_url_of_a_registry_have_no_default(tmp_path: Path) -> None:
    assert load(tmp_path, "").registries == ()
    for text, missing in (("url = 'http://h'", "name"), ("name = 'h'", "url")):
        with pytest.raises(Misconfigured, match=rf"registries\.0\.{missing}: Field required"):
            load(tmp_path, f"[[registries]]\n{text}")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("datadir = 'x'", "datadir"),
        ("[rest]\nlistenn = 'x'", "rest.listenn"),
        ("[retention]\ndays = 3", "retention.days"),
        ("[[registries]]\nname = 'a'\nurl = 'http://h'\nsecret = 'x'", "registries.0.secret"),
        ("[serach]\nurl = ''", "serach"),
    ],
)
def test_an_unknown_key_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(Misconfigured, match=rf"regdex\.toml: {key}: unknown key"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[rest]\nlisten = '8080'", "rest.listen: must be host:port"),
        ("[rest]\nlisten = ':8080'", "rest.listen: must be host:port"),
        ("[rest]\nlisten = '::1:8080'", "rest.listen: an IPv6 address needs brackets"),
        ("[rest]\nlisten = 'h:70000'", "rest.listen"),
        ("[search]\nurl = 'localhost:7700'", "search.url"),
        ("[[registries]]\nname = 'Prod'\nurl = 'http://h'", "registries.0.name"),
        ("[[registries]]\nname = 'a/b'\nurl = 'http://h'", "registries.0.name"),
        (f"[[registries]]\nname = '{'a' * 64}'\nurl = 'http://h'", "registries.0.name"),
        ("[[registries]]\nname = 'a'\nurl = 'h:5000'", "registries.0.url: must be http:// or https://"),
        ("[[registries]]\nname = 'a'\nurl = 'http://me:pw@h'", "registries.0.url: must not contain credentials"),
        ("[[registries]]\nname = 'a'\nurl = 'http://h'\nhosts = ['http://h']", "registries.0.hosts"),
        ("[[registries]]\nname = 'a'\nurl = 'http://h'\nexclude = ['" + "*" * 9 + "']", "registries.0.exclude.0"),
        ("data_dir = ", "regdex.toml"),
        ("[rest\n", "regdex.toml"),
    ],
)
def test_a_value_that_cannot_be_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        load(tmp_path, text)

    assert named in str(refused.value)
    assert "pw" not in str(refused.value)


def test_a_host_belongs_to_one_registry_and_a_name_too(tmp_path: Path) -> None:
    one = "[[registries]]\nname = 'one'\nurl = 'http://h:5000'\n"
    with pytest.raises(Misconfigured, match="'h:5000' belongs to both 'one' and 'two'"):
        load(tmp_path, one + "[[registries]]\nname = 'two'\nurl = 'http://other'\nhosts = ['H:5000']")
    with pytest.raises(Misconfigured, match="the name 'one' is used twice"):
        load(tmp_path, one + "[[registries]]\nname = 'one'\nurl = 'http://other'")


def test_a_registry_answers_to_the_port_of_its_scheme_with_and_without_it(tmp_path: Path) -> None:
    loaded = load(tmp_path, "[[registries]]\nname = 'a'\nurl = 'https://h'\nhosts = ['alias.example.com', 'h']")

    assert loaded.registries[0].all_hosts == ("h", "h:443", "alias.example.com")


def test_variables_override_the_file_and_options_override_both(tmp_path: Path) -> None:
    environment = {
        "REGDEX_REST_LISTEN": "127.0.0.1:2",
        "REGDEX_GRPC_LISTEN": "127.0.0.1:3",
        "REGDEX_REST_CORS_ORIGINS": "https://a.example.com, https://b.example.com",
        "REGDEX_DATA_DIR": "/elsewhere",
        "REGDEX_RETENTION_PULL_DAYS": "7",
        "REGDEX_SERVER": "of the command line",
        "REGDEX_API_KEY": "of the command line",
        "REGDEX_CONFIG": "of the command line",
        "PATH": "/bin",
    }
    loaded = load(tmp_path, "[rest]\nlisten = '127.0.0.1:1'", environment=environment, grpc={"listen": "127.0.0.1:4"})

    assert (loaded.rest.listen, loaded.grpc.listen) == ("127.0.0.1:2", "127.0.0.1:4")
    assert loaded.rest.cors_origins == ("https://a.example.com", "https://b.example.com")
    assert loaded.data_dir == Path("/elsewhere")
    assert loaded.retention.pull_days == 7


@pytest.mark.parametrize("variable", ["REGDEX_REST_LISTENN", "REGDEX_NONSENSE", "REGDEX_REGISTRIES"])
def test_a_variable_that_fits_no_key_is_named(tmp_path: Path, variable: str) -> None:
    with pytest.raises(Misconfigured, match=f"{variable}: unknown key"):
        load(tmp_path, "", environment={variable: "x"})


def test_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    loaded = load(
        tmp_path / "etc",
        "data_dir = '../data'\n[rest]\ncert_file = 'c.pem'\n"
        "[[registries]]\nname = 'a'\nurl = 'http://h'\nca_file = '/abs/ca.pem'\npassword_file = 'pw'",
    )

    assert loaded.data_dir.resolve() == tmp_path / "data"
    assert loaded.rest.cert_file == tmp_path / "etc" / "c.pem"
    assert loaded.registries[0].ca_file == Path("/abs/ca.pem")
    assert loaded.registries[0].password_file == tmp_path / "etc" / "pw"


def test_the_working_directory_is_searched_and_a_named_file_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "regdex.toml").write_text("[rest]\nlisten = '127.0.0.1:1'")
    monkeypatch.chdir(tmp_path)

    assert settings.load(environment={}).rest.listen == "127.0.0.1:1"
    with pytest.raises(Misconfigured, match="No such file"):
        settings.load(tmp_path / "other.toml", environment={})


def test_a_missing_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    loaded = load(tmp_path, "[[registries]]\nname = 'a'\nurl = 'http://h'")
    path = loaded.webhook_secret_path(loaded.registries[0])

    secret = settings.read_or_make_secret(path)

    assert len(secret.get_secret_value()) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert settings.read_or_make_secret(path) == secret
    assert secret.get_secret_value() not in repr(loaded)


def test_a_password_in_the_databases_url_is_in_no_representation(tmp_path: Path) -> None:
    loaded = load(tmp_path, "[database]\nurl = 'postgresql://regdex:hunter2@db/regdex'")

    assert "hunter2" not in repr(loaded) + str(loaded.model_dump(mode="json"))
    assert loaded.database.url.get_secret_value().endswith("hunter2@db/regdex")
