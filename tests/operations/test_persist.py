"""The files for the next boot: by the spec that a plan was made from, and as they were before once ours are gone."""

from __future__ import annotations

import pytest

from netplan.desired.compile import compile_node, compile_removal
from netplan.errors import RefusedError, StoreError
from netplan.operations.saved_rules import SpecSource, of_spec, outdated, pending
from netplan.spec.load import read
from netplan.store.store import Store
from tests import make
from tests.reports import Kept
from tests.spec.factory import spec_text
from tests.spec.test_families import DUAL, A, B


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
    store.taken.path.write_text("{")
    return store


def test_a_verb_that_reads_warns_that_what_was_taken_out_of_the_rules_is_not_known(damaged, tmp_path):
    desired = make.desired(make.spec(firewall=f"{{persist: {tmp_path}/rules.v4}}"))
    report = Kept()
    found = outdated(desired, damaged.taken, report)
    assert (found and found.paths, len(report.notes)) == ([f"{tmp_path}/rules.v4"], 1)


def test_a_verb_that_writes_refuses_where_it_would_forget_what_was_taken_out_of_the_rules(damaged):
    with pytest.raises(StoreError, match=r"saved-rules\.json can't be read .* \(mv .*/saved-rules\.json .*\)"):
        pending(make.desired(), damaged)
