from __future__ import annotations

import os
import stat

import pytest

from netplan.errors import StoreError
from netplan.state import files


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_written_whole(tmp_path):
    files.write(tmp_path / "journal", "long")
    files.write(tmp_path / "journal", "new")
    assert (tmp_path / "journal").read_text() == "new"


def test_a_file_is_readable_for_its_owner_only(tmp_path):
    files.write(tmp_path / "journal", "text")
    assert mode(tmp_path / "journal") == 0o600


def test_what_a_killed_writer_left_is_in_nobody_s_way(tmp_path):
    (tmp_path / ".journal.new").write_text("half")
    files.write(tmp_path / "journal", "text")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"journal": "text"}


def test_a_file_that_there_is_already_is_not_created_again(tmp_path):
    files.create(tmp_path / "1", "first")
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "1", "second")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"1": "first"}


def test_a_file_is_set_aside_beside_those_that_were_before(tmp_path):
    for text in ("first", "second"):
        files.write(tmp_path / "journal.json", text)
        files.set_aside(tmp_path / "journal.json", "old")
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"journal.old-1.json": "first", "journal.old-2.json": "second"}


def test_a_file_that_is_not_there_is_not_set_aside(tmp_path):
    assert files.set_aside(tmp_path / "journal.json", "old") is None


def test_a_file_that_is_not_there_is_removed_without_a_word(tmp_path):
    files.remove(tmp_path / "journal")
    assert not [*tmp_path.iterdir()]


def test_a_file_that_can_not_be_written_is_reported_with_its_path_and_why(tmp_path):
    path = tmp_path / "no" / "journal"
    with (
        pytest.raises(StoreError, match=rf"^the journal can't be written: {path}: No such file or directory; so what$"),
        files.reported("the journal", path, "; so what"),
    ):
        files.write(path, "text")


def test_a_folder_is_made_with_those_above_it_for_its_owner_only(tmp_path):
    files.make_folder(tmp_path / "lib" / "podnet")
    assert mode(tmp_path / "lib" / "podnet") == 0o700


def test_a_folder_that_there_is_stays_as_it_is(tmp_path):
    (tmp_path / "podnet").mkdir(mode=0o750)
    files.make_folder(tmp_path / "podnet")
    assert mode(tmp_path / "podnet") == 0o750


@pytest.mark.parametrize("others", [0o720, 0o702])
def test_a_folder_that_others_may_write_to_is_refused(tmp_path, others):
    tmp_path.chmod(others)
    with pytest.raises(StoreError, match=f"chmod go-w {tmp_path}"):
        files.make_folder(tmp_path)


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "podnet").touch()
    with pytest.raises(StoreError, match=f"{tmp_path}/podnet is no folder"):
        files.make_folder(tmp_path / "podnet")


class Somebody:
    """What os.stat gives, of another user's file."""

    def __init__(self, found: os.stat_result) -> None:
        self.st_uid, self.st_mode = 4711, found.st_mode


@pytest.mark.parametrize("look", ["lstat", "stat"])
def test_a_folder_or_a_link_to_it_that_somebody_else_owns_is_refused(tmp_path, monkeypatch, look):
    real = getattr(type(tmp_path), look)
    monkeypatch.setattr(
        type(tmp_path), look, lambda path, **keys: Somebody(real(path)) if path == tmp_path else real(path, **keys)
    )
    with pytest.raises(StoreError, match=r"belongs to another user \(uid 4711\)"):
        files.make_folder(tmp_path)
