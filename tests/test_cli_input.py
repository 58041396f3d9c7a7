"""What the command line is given: refused before anything starts, in words that help."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli import LINE, fail, run, succeed

pytestmark = pytest.mark.slow("the command line")


@pytest.mark.parametrize("command", ["demo", "seed"])
def test_a_scale_that_no_world_has_is_refused_before_a_server_starts(
    tmp_path: Path, command: str
) -> None:
    folder = tmp_path / "server"
    message = fail(2, command, "--data-dir", folder, "--scale", "1000000")
    assert message == "--scale: must be more than 0 and at most 100"
    assert not folder.exists()


@pytest.mark.core
def test_a_folder_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder, reason in (
        (Path("/proc/vrooli"), "No such file or directory"),
        (file / "server", "Not a directory"),
    ):
        done = run("db", "start", "--data-dir", folder)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1] == (
            f"error: --data-dir: {folder} cannot be created: {reason}"
        )


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_may_begin_with_the_mark_of_utf_8(
    database_url: str, tmp_path: Path, packed: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "resources.ndjson"
    file.write_bytes(packed(codecs.BOM_UTF8 + f"{LINE}\n".encode()))
    assert "1" in succeed("import", "resources", file, "--database-url", database_url)


def test_a_byte_order_mark_inside_the_file_is_refused(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "resources.ndjson"
    file.write_bytes(f"{LINE}\n".encode() + codecs.BOM_UTF8 + f"{LINE}\n".encode())
    done = run("import", "resources", file, "--database-url", database_url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}:2: is not JSON")
