"""The files for the next boot: each replaced whole, brought up to date by a spec, and as before once ours are gone."""

from __future__ import annotations

import os
import stat

import pytest

from netplan.desired.compile import compile_node, compile_removal
from netplan.errors import RefusedError, StoreError
from netplan.operations import saved_rules
from netplan.operations.saved_rules import SpecSource, of_spec, outdated, pending
from netplan.spec.load import read
from netplan.store.store import Store
from tests import make
from tests.reports import Kept
from tests.spec.factory import spec_text
from tests.spec.test_families import DUAL, A, B


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


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "podnet")
    store.folder.mkdir()
    return store


def written(desired, store):
    """Bring the files for the next boot up to date."""
    files = pending(desired, store)
    assert files is not None
    files.write(store, Kept())


def test_a_plan_of_a_node_that_its_spec_does_not_have_is_refused(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(spec_text())
    source = SpecSource(str(path), read(path).sha256, "z")
    with pytest.raises(RefusedError, match=r"c\.yaml has no node z: "):
        of_spec(source, tmp_path, Store(tmp_path), lambda node: node, Kept())


@pytest.mark.parametrize("before", ["", None], ids=["empty", "not there"])
def test_a_file_that_held_nothing_is_as_it_was_once_ours_are_gone(store, tmp_path, before):
    file = tmp_path / "rules.v6"
    if before is not None:
        file.write_text(before)
    spec = make.spec(A, B, **DUAL, firewall=f"{{persist: {tmp_path}/rules.v4}}")
    written(compile_node(spec, spec.topology.nodes[0]), store)
    filled = file.read_text()
    written(compile_removal(spec, spec.topology.nodes[0]), store)
    assert (filled != "", file.read_text() if file.exists() else None) == (True, before)


def test_an_empty_file_that_was_deleted_before_the_next_apply_is_not_brought_back(store, tmp_path):
    file = tmp_path / "rules.v4"
    file.write_text("")
    spec = make.spec(firewall=f"{{persist: {file}}}")
    node = spec.topology.nodes[0]
    written(compile_node(spec, node), store)
    written(compile_removal(spec, node), store)
    file.unlink()
    written(compile_node(spec, node), store)
    written(compile_removal(spec, node), store)
    assert not file.exists()


@pytest.fixture
def damaged(tmp_path):
    """A folder whose memory of what was taken out of the rules for the next boot can't be read."""
    store = Store(tmp_path)
    store.removed_rules.path.write_text("{")
    return store


def test_a_verb_that_reads_warns_that_what_was_taken_out_of_the_rules_is_not_known(damaged, tmp_path):
    desired = make.desired(make.spec(firewall=f"{{persist: {tmp_path}/rules.v4}}"))
    report = Kept()
    found = outdated(desired, damaged.removed_rules, report)
    assert (found and found.paths, len(report.notes)) == ([f"{tmp_path}/rules.v4"], 1)


def test_a_verb_that_writes_refuses_where_it_would_forget_what_was_taken_out_of_the_rules(damaged):
    with pytest.raises(StoreError, match=r"saved-rules\.json can't be read .* \(mv .*/saved-rules\.json .*\)"):
        pending(make.desired(), damaged)
