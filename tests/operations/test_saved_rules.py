from __future__ import annotations

import os
import stat

import pytest

from netplan.errors import RefusedError
from netplan.operations import saved_rules


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rules.v4"
    path.write_bytes(b"*nat\r\n# \xff\x85\r\nCOMMIT")
    return path


def test_a_missing_file_has_no_text(tmp_path):
    assert saved_rules.read_rules(str(tmp_path / "rules.v4")) is None


def test_what_is_read_is_written_back_byte_for_byte(file):
    before = file.read_bytes()
    saved_rules.write_rules(str(file), saved_rules.read_rules(str(file)) or "")
    assert file.read_bytes() == before


def test_a_new_file_is_its_owners_alone(tmp_path):
    saved_rules.write_rules(str(tmp_path / "rules.v4"), "*nat\nCOMMIT\n")
    assert stat.S_IMODE((tmp_path / "rules.v4").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_mode_of_a_file_is_kept(file, mode):
    file.chmod(mode)
    saved_rules.write_rules(str(file), "x")
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_the_attributes_of_a_file_are_kept(file):
    os.setxattr(file, "user.podnet", b"label")
    saved_rules.write_rules(str(file), "x")
    assert os.getxattr(file, "user.podnet") == b"label"


def test_a_file_that_was_written_is_newer(file):
    os.utime(file, (1, 1))
    saved_rules.write_rules(str(file), "x")
    assert file.stat().st_mtime > 1


def test_a_symbolic_link_stays_and_what_it_leads_to_is_replaced(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to("rules.v4")
    saved_rules.write_rules(str(link), "x")
    assert (link.is_symlink(), file.read_text()) == (True, "x")


def test_a_symbolic_link_to_nothing_gets_its_file(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("rules.v4")
    saved_rules.write_rules(str(link), "x")
    assert (tmp_path / "rules.v4").read_text() == "x"


def test_a_file_in_which_nothing_is_left_goes(file):
    saved_rules.write_rules(str(file), "")
    assert not file.exists()


def test_a_file_that_is_to_be_kept_is_empty_when_nothing_is_left_in_it(file):
    saved_rules.write_rules(str(file), "", keep=True)
    assert file.read_bytes() == b""


def test_nothing_is_left_behind(file, tmp_path):
    saved_rules.write_rules(str(file), "x")
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_is_left_behind_by_a_write_that_fails(tmp_path):
    (tmp_path / "rules.v4" / "folder").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        saved_rules.write_rules(str(tmp_path / "rules.v4"), "x")
    assert [path.name for path in tmp_path.iterdir()] == ["rules.v4"]


def test_a_folder_is_no_file_of_rules(tmp_path):
    with pytest.raises(RefusedError, match="is not a file"):
        saved_rules.read_rules(str(tmp_path))


def test_a_pipe_is_no_file_of_rules(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RefusedError, match="is not a file"):
        saved_rules.read_rules(str(tmp_path / "pipe"))


def test_a_missing_folder_is_named_with_the_package_that_makes_it(tmp_path):
    with pytest.raises(RefusedError, match=f"no folder {tmp_path}/iptables .*iptables-persistent"):
        saved_rules.check_writable(str(tmp_path / "iptables" / "rules.v4"))


def test_a_file_in_a_folder_that_is_there_can_be_written(file):
    saved_rules.check_writable(str(file))
