"""podnet drift --fix as a use case, on a kernel in memory and a temporary folder."""

from __future__ import annotations

import pytest

from netplan.errors import RefusedError, RestoredError
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.resource import ObjectRefusedError
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress
from netplan.operations.apply import apply_spec
from netplan.operations.fix import fix
from netplan.operations.request import Dialogue, Options
from netplan.planning.differences import diff_node
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.machines import machine

SPEC = make.spec()
NODE = SPEC.topology.by_name["a"]
WANTED = make.desired(SPEC)
BEFORE = make.snapshot(
    "",
    make.route("172.7.21.0/24", None, "docker0", protocol=2),
    LinkAddress(IfName("docker0"), InterfaceAddress.parse("172.7.21.1/24")),
)
"""A node with its pods' bridge: else traffic to pods would be broken whatever is fixed."""
OFF = Sysctl("net.ipv4.ip_forward", "0")


def drifted(folder, *, kernel=MemoryKernel, without_route=True):
    """Return a machine on which the spec was applied and forwarding was then turned off, by default our route too."""
    here, memory, _ = machine(folder, BEFORE)
    apply_spec(here, SPEC, NODE)
    routes = [route for route in memory.state.all(Route) if not (route.ours and without_route)]
    return machine(folder, kernel(memory.state.replace(Route, routes).replace(Sysctl, [OFF])))


def test_a_fix_does_what_is_missing_and_leaves_nothing(tmp_path):
    here, kernel, _ = drifted(tmp_path)
    fixed = fix(here, SPEC, WANTED, Options(), Dialogue())
    assert not [*diff_node(WANTED, kernel.state)]
    assert (fixed.rest.in_sync, fixed.obstacles, here.store.generations.newest) == (True, (), 2)


def test_a_fix_of_a_node_in_sync_writes_nothing(tmp_path):
    here, kernel, _ = machine(tmp_path, make.settled(WANTED, BEFORE))
    assert fix(here, SPEC, WANTED, Options(), Dialogue()).rest.in_sync
    assert (kernel.writes, here.store.generations.all()) == (0, ())


class Unroutable(MemoryKernel):
    """A kernel that refuses every route."""

    def write(self, batch):
        for change in batch.changes:
            if isinstance(change.resource, Route):
                raise ObjectRefusedError(f"{change.resource}: the kernel has no room for it", change)
        super().write(batch)


def test_a_fix_does_all_but_what_the_kernel_refuses_and_names_that(tmp_path):
    here, kernel, _ = drifted(tmp_path, kernel=Unroutable)
    fixed = fix(here, SPEC, WANTED, Options(), Dialogue())
    assert make.said(fixed.rest.changes) == ["create route 172.7.22.0/24 via 10.4.7.22 dev eth0"]
    assert fixed.rest.refusals == tuple(map(str, fixed.obstacles))
    assert make.said(diff_node(WANTED, kernel.state)) == make.said(fixed.rest.changes)


def test_a_fix_of_which_nothing_can_be_done_is_refused(tmp_path):
    here, memory, _ = machine(tmp_path, BEFORE)
    apply_spec(here, SPEC, NODE)
    kernel = Unroutable(memory.state.replace(Route, [route for route in memory.state.all(Route) if not route.ours]))
    here, _, _ = machine(tmp_path, kernel)
    with pytest.raises(
        RefusedError, match=r"nothing of the plan of a can be done, and nothing was changed:\n.*no room"
    ):
        fix(here, SPEC, WANTED, Options(), Dialogue())


def test_a_fix_whose_write_fails_brings_the_state_before_back(tmp_path):
    here, kernel, _ = drifted(tmp_path, kernel=lambda state: MemoryKernel(state, fail_at=1), without_route=False)
    before = make.content(kernel.state)
    with pytest.raises((RefusedError, RestoredError), match="a test asked for that"):
        fix(here, SPEC, WANTED, Options(), Dialogue())
    assert make.content(kernel.state) == before
