"""Data directories whose path a unix socket cannot have, and a temporary directory that others can write to."""

import shutil
from pathlib import Path

import pytest

from cli import embedded
from cli.embedded.place import MAX_SOCKET_PATH, SOCKET_NAME, socket_folder
from regdex.errors import Misconfigured
from tests.cli.embedded.conftest import QUICK, execute


async def test_a_path_too_long_for_a_socket_is_no_obstacle(folder: Path) -> None:
    data_dir = folder / ("long" * 20) / ("longer" * 20)
    async with embedded.running(data_dir, options=QUICK) as url:
        assert await execute(url, "SELECT 1") == 1
        assert embedded.connect_url(data_dir) == url
        sockets = socket_folder(data_dir)
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


@pytest.mark.parametrize("name", ["支付 数据", "com,ma:quo'te\\", "100%25?#&="])
async def test_any_name_of_a_directory_will_do(folder: Path, name: str) -> None:
    async with embedded.running(folder / name, options=QUICK) as url:
        assert await execute(url, "SELECT 1") == 1
        assert embedded.connect_url(folder / name) == url


def test_the_limit_of_a_socket_path_is_in_bytes() -> None:
    room = MAX_SOCKET_PATH - len(f"//run/{SOCKET_NAME}")
    assert socket_folder(Path("/" + "x" * room)) == Path("/" + "x" * room, "run")
    assert socket_folder(Path("/" + "x" * (room + 1))).parent != Path("/" + "x" * (room + 1))
    assert socket_folder(Path("/" + "数" * (room // 3 + 1))).parent != Path("/" + "数" * (room // 3 + 1))


async def test_a_socket_folder_that_someone_else_prepared_is_not_entered(folder: Path) -> None:
    data_dir = folder / ("long" * 20) / ("longer" * 20)
    sockets = socket_folder(data_dir)
    sockets.mkdir(mode=0o777)
    sockets.chmod(0o777)
    with pytest.raises(Misconfigured, match="0700"):
        async with embedded.running(data_dir, options=QUICK):
            pytest.fail("entered")
    shutil.rmtree(sockets, ignore_errors=True)


async def test_a_relative_data_dir_is_found_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    async with embedded.running(Path("data"), options=QUICK) as url:
        assert embedded.connect_url(folder / "data") == url
