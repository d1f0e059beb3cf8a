"""The files for the next boot: each replaced whole, brought up to date by a spec, and as before once ours are gone."""

from __future__ import annotations

import os
import stat

import pytest

from netplan.desired.compile import compile_node, compile_removal
from netplan.errors import HalfStateError, RefusedError, StoreError
from netplan.operations import saved_rules
from netplan.operations.apply import apply_spec
from netplan.operations.request import Dialogue, Options
from netplan.operations.rollback import roll_back
from netplan.operations.saved_rules import SpecSource, differing_files, files_to_write, of_spec, write_of_spec
from netplan.planning.safety import Flag
from netplan.spec.load import read
from netplan.store.store import Store
from tests import make
from tests.machines import machine
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


def differing(desired, store):
    """Return the files for the next boot that differ; some do."""
    files = files_to_write(desired, store)
    assert files is not None
    return files


def written(desired, store):
    """Bring the files for the next boot up to date."""
    differing(desired, store).write(store, Kept())


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
    files = differing_files(desired, damaged.removed_rules, report)
    assert (files and files.paths, len(report.notes)) == ([f"{tmp_path}/rules.v4"], 1)


def test_a_verb_that_writes_refuses_where_it_would_forget_what_was_taken_out_of_the_rules(damaged):
    with pytest.raises(StoreError, match=r"saved-rules\.json can't be read .* \(mv .*/saved-rules\.json .*\)"):
        files_to_write(make.desired(), damaged)


def test_what_differs_is_told_file_by_file(store, tmp_path):
    files = differing(make.desired(make.spec(A, B, **DUAL, firewall=f"{{persist: {tmp_path}/rules.v4}}")), store)
    assert str(files) == f"persist  {tmp_path}/rules.v4  differs\npersist  {tmp_path}/rules.v6  differs"


def test_a_file_that_can_not_be_replaced_leaves_the_kernel_ahead_of_it(store, tmp_path):
    (tmp_path / "iptables").mkdir()
    files = differing(make.desired(make.spec(firewall=f"{{persist: {tmp_path}/iptables/rules.v4}}")), store)
    (tmp_path / "iptables").rmdir()
    with pytest.raises(HalfStateError, match=r"/rules.v4 can't be written: No such file or directory\nThe kernel"):
        files.write(store, Kept())


REMOVING = f'{{{{persist: {{file}}, remove: [{{{{table: filter, rule: "-A FORWARD {make.REJECT}"}}}}]}}}}'
PERSISTING = "{{persist: {file}}}"
BOOT = f"*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD {make.REJECT}\nCOMMIT\n"


@pytest.fixture
def booted(tmp_path):
    """The file of a node whose rules for the next boot reject what is forwarded."""
    file = tmp_path / "rules.v4"
    file.write_text(BOOT)
    return file


def spec_of(file, firewall):
    return make.spec(firewall=firewall.format(file=file))


def notes_of(file, store, firewall):
    """Bring the file up to date; return what is told."""
    files, report = differing(make.desired(spec_of(file, firewall)), store), Kept()
    files.write(store, report)
    return report.notes


def test_a_rule_that_the_spec_takes_out_comes_back_once_it_is_not_named_any_more(booted, store):
    notes_of(booted, store, REMOVING)
    assert "REJECT" not in booted.read_text()
    assert notes_of(booted, store, PERSISTING)[1:] == [f"-A FORWARD {make.REJECT} is back in it."]
    assert f"-A FORWARD {make.REJECT}\n" in booted.read_text()


def test_a_rule_that_can_not_come_back_is_told(booted, store):
    firewall = '{{persist: {file}, remove: [{{table: filter, rule: "-A GUARD -j DROP"}}]}}'
    booted.write_text("*filter\n:GUARD - [0:0]\n-A GUARD -j DROP\nCOMMIT\n")
    notes_of(booted, store, firewall)
    booted.write_text("")
    assert notes_of(booted, store, PERSISTING)[1:] == [
        "-A GUARD -j DROP of table filter can't be put back into it: the chain is not there."
    ]


def test_a_file_that_the_spec_does_not_name_any_more_is_as_it_was(booted, store):
    notes_of(booted, store, REMOVING)
    written(make.desired(), store)
    assert booted.read_text() == BOOT


def test_a_rollback_takes_the_files_along(booted, tmp_path):
    here, _, _ = machine(tmp_path / "podnet")
    texts = [BOOT]
    for firewall in (PERSISTING, REMOVING):
        spec = spec_of(booted, firewall)
        apply_spec(here, spec, spec.topology.by_name["a"])
        texts.append(booted.read_text())
    assert len({*texts}) == 3
    for number in (1, 2, 0):
        roll_back(here, number, Options(frozenset(Flag)), Dialogue())
        assert booted.read_text() == texts[number]


def test_no_name_of_the_other_ip_version_s_file_is_guessed(store, tmp_path):
    files = differing(make.desired(make.spec(A, B, **DUAL, firewall=f"{{persist: {tmp_path}/at-boot}}")), store)
    assert files.paths == [f"{tmp_path}/at-boot"]


def test_what_is_no_file_beside_that_of_the_pods_ip_version_is_left_alone(store, tmp_path):
    (tmp_path / "rules.v6").mkdir()
    files = differing(make.desired(make.spec(firewall=f"{{persist: {tmp_path}/rules.v4}}")), store)
    assert files.paths == [f"{tmp_path}/rules.v4"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nonsense.v4", "can't be read: line 2"),
        ("nonsense.v4/rules.v4", "can't be read: Not a directory"),
        ("large.v4", "is larger than 0 MiB: that is not a file of rules"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_with_the_reason(store, tmp_path, monkeypatch, name, why):
    monkeypatch.setattr(saved_rules, "MAX_BYTES", 4096)
    (tmp_path / "nonsense.v4").write_text("*filter\nnonsense\n")
    (tmp_path / "large.v4").write_text("#" * 5000)
    with pytest.raises(RefusedError, match=f"^{tmp_path}/{name} {why}"):
        files_to_write(make.desired(make.spec(firewall=f"{{persist: {tmp_path}/{name}}}")), store)


@pytest.fixture
def source(tmp_path, booted):
    """Where a plan comes from whose spec wants the rules in a file."""
    path = tmp_path / "c.yaml"
    path.write_text(spec_text(firewall=PERSISTING.format(file=booted)))
    return SpecSource(str(path), read(path).sha256, "a")


def test_the_rules_of_a_spec_that_was_read_before_are_written_for_the_next_boot(source, store, booted, tmp_path):
    write_of_spec(source, tmp_path, store, lambda node: node, Kept())
    assert ":PODNET-POSTROUTING" in booted.read_text()
    write_of_spec(source, tmp_path, store, lambda node: node, report := Kept())
    assert report.notes == []


def test_where_the_rules_can_not_be_written_after_the_kernel_the_node_is_half_done(source, store, booted, tmp_path):
    booted.write_text("nonsense\n")
    with pytest.raises(HalfStateError, match=r"can't be read: line 1.*(?s:.)The kernel is as planned"):
        write_of_spec(source, tmp_path, store, lambda node: node, Kept())
