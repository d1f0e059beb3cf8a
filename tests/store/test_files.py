from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from netplan.errors import StoreError
from netplan.store import files


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_written_whole(tmp_path):
    files.write(tmp_path / "journal", "long")
    files.write(tmp_path / "journal", "new")
    assert (tmp_path / "journal").read_text() == "new"


def test_a_file_is_readable_for_its_owner_only(tmp_path):
    files.write(tmp_path / "journal", "text")
    assert mode(tmp_path / "journal") == 0o600


def test_what_a_killed_writer_left_is_in_no_writer_s_way(tmp_path):
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
    with pytest.raises(StoreError, match=f"{tmp_path}/podnet is not a folder"):
        files.make_folder(tmp_path / "podnet")


def test_a_folder_of_another_user_is_refused():
    status = os.stat_result((stat.S_IFDIR | 0o755, 0, 0, 1, 4711, 0, 0, 0, 0, 0))
    with pytest.raises(StoreError, match=r"belongs to another user \(uid 4711\)"):
        files.judge_folder(Path("/var/lib/podnet"), status)


@pytest.mark.parametrize("check", [files.make_folder, files.check_folder])
def test_a_folder_below_one_that_every_user_may_write_to_is_refused(tmp_path, check):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib").chmod(0o777)
    with pytest.raises(
        StoreError, match=f"every user may write to folder {tmp_path}/lib, .*: chmod o-w {tmp_path}/lib"
    ):
        check(tmp_path / "lib" / "podnet")
    assert [*(tmp_path / "lib").iterdir()] == []


def test_a_link_leads_to_a_folder_whose_way_is_looked_at_too(tmp_path):
    (tmp_path / "open" / "podnet").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "podnet").symlink_to("open/podnet")
    with pytest.raises(StoreError, match=f"every user may write to folder {tmp_path}/open"):
        files.check_folder(tmp_path / "podnet")


def test_a_folder_that_is_not_there_yet_is_no_danger(tmp_path):
    files.check_folder(tmp_path / "var" / "podnet")
