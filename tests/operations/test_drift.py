"""What a drift finds on a kernel in memory, and in the files for the next boot."""

from __future__ import annotations

import pytest

from netplan.errors import RefusedError
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.route.value import Route
from netplan.net import IfName, InterfaceAddress
from netplan.operations import saved_rules
from netplan.operations.drift import find_drift
from netplan.store.store import Store
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.reports import Kept

BARE = make.snapshot(
    "",
    LinkAddress(IfName("docker0"), InterfaceAddress.parse("172.7.21.1/24")),
    make.route("172.7.21.0/24", None, "docker0", protocol=2),
    make.route("0.0.0.0/0", "10.4.7.254", protocol=3),
)
"""A node whose bridge has its pods' subnet, and which reaches the outside."""


def drift(state, folder, wanted=None, report=None):
    """Compare a node of a state with what it should have."""
    return find_drift(wanted or make.desired(), lambda _: MemoryKernel(state), folder, report or Kept())


@pytest.fixture
def persisting(tmp_path):
    """What a node should have whose rules are in a file for the next boot."""
    return make.desired(make.spec(firewall=f"{{persist: {tmp_path}/rules.v4}}"))


def test_a_node_that_has_what_it_should_is_in_sync(tmp_path):
    assert drift(make.settled(make.desired(), BARE), tmp_path).in_sync


def test_a_route_that_is_gone_is_a_difference_with_the_place_in_the_spec(tmp_path):
    state = make.settled(make.desired(), BARE)
    others = [route for route in state.all(Route) if route != make.route()]
    drifted = drift(state.replace(Route, others), tmp_path)
    assert ([str(change.after) for change in drifted.plan.changes], drifted.in_sync) == ([str(make.route())], False)


def test_looking_at_a_node_writes_nothing_to_it_and_remembers_nothing(tmp_path):
    kernel = MemoryKernel(BARE)
    find_drift(make.desired(), lambda _: kernel, tmp_path, Kept())
    assert (kernel.writes, list(tmp_path.iterdir())) == (0, [])


def test_a_file_for_the_next_boot_that_lacks_the_rules_is_a_difference(tmp_path, persisting):
    drifted = drift(make.settled(persisting, BARE), tmp_path, persisting)
    assert drifted.file is not None
    assert (drifted.file.paths, drifted.plan.in_sync, drifted.in_sync) == ([f"{tmp_path}/rules.v4"], True, False)


def test_a_file_that_was_brought_up_to_date_is_none(tmp_path, persisting):
    store = Store(tmp_path)
    files = saved_rules.files_to_write(persisting, store)
    assert files is not None
    files.write(store, Kept())
    assert drift(make.settled(persisting, BARE), tmp_path, persisting).in_sync


def test_a_file_that_may_not_be_read_is_noted(tmp_path, persisting, monkeypatch):
    def denied(path):
        raise RefusedError(f"{path} can't be read: Permission denied") from PermissionError(13, "Permission denied")

    monkeypatch.setattr(saved_rules, "read_rules", denied)
    report = Kept()
    drifted = drift(make.settled(persisting, BARE), tmp_path, persisting, report)
    assert (drifted.file, report.notes) == (None, [f"{tmp_path}/rules.v4 can't be read: Permission denied"])


def test_a_file_that_is_no_file_of_rules_is_refused(tmp_path, persisting):
    (tmp_path / "rules.v4").mkdir()
    with pytest.raises(RefusedError, match=r"rules\.v4 is not a file"):
        drift(BARE, tmp_path, persisting)
