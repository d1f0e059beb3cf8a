"""A tunnel that another one, or a program's socket, keeps out: told before anything is written, whatever the verb."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.errors import RefusedError
from netplan.kinds.link.value import Link
from netplan.kinds.udp_socket.value import UdpSocket
from netplan.operations.apply import apply_saved, apply_spec
from netplan.operations.live_plan import LivePlan
from netplan.operations.recover import recover
from netplan.operations.request import Dialogue, Options
from netplan.operations.rollback import roll_back
from netplan.planning.plan import Plan
from netplan.planning.safety import Flag
from netplan.store.generations import Generation
from tests import make, tunnels
from tests.machines import machine
from tests.operations.test_recover import EARLIER

SPEC = make.spec(backend="{type: vxlan}")
NODE = SPEC.topology.by_name["a"]
BEFORE = make.snapshot(make.docker())
SOCKET = UdpSocket(8472, frozenset({4}), "dnsmasq (process 7)")
ANY = Options(frozenset(Flag))


def saved_plan(kernel):
    """Plan for a kernel as `plan --live --out` does."""
    return Plan.of(SPEC, [LivePlan.from_kernel(make.desired(SPEC), kernel).plan])


TWIN = tunnels.link("vxlan1", alias="")
OTHER_PORT = "write port: 8473 in backend, for all nodes"
LATER = {
    "a program's socket": (
        replace(BEFORE, sockets=(SOCKET,)),
        f"UDP port 8472 is taken by a socket of dnsmasq (process 7): stop it, or {OTHER_PORT}",
    ),
    "a tunnel that has the port for itself": (
        BEFORE.replace(Link, [*BEFORE.all(Link), tunnels.link("cilium_vxlan", vni=7, alias="", exclusive=True)]),
        f"UDP port 8472 is taken by cilium_vxlan (Cilium's by its name): {OTHER_PORT}",
    ),
    "a tunnel that receives the same packets": (
        BEFORE.replace(Link, [*BEFORE.all(Link), TWIN]),
        f"link {tunnels.link()} can't be made beside {TWIN}, which is another program's: ip link del vxlan1",
    ),
}


@pytest.fixture(params=list(LATER.values()), ids=list(LATER))
def taken(request):
    """The node once the tunnel's port is taken, and why podnet's tunnel is kept out."""
    return request.param


def test_a_saved_plan_is_refused(tmp_path, taken):
    now, why = taken
    here, kernel, _ = machine(tmp_path, BEFORE)
    plan = saved_plan(kernel)
    kernel.state = now
    with pytest.raises(RefusedError) as refused:
        apply_saved(here, plan, tmp_path)
    assert str(refused.value) == f"the plan of a can't be applied, and nothing was changed:\n  {why}"
    assert (kernel.writes, here.store.journal.read()) == (0, None)


def test_a_rollback_to_the_tunnel_is_refused(tmp_path, taken):
    now, why = taken
    here, kernel, _ = machine(tmp_path, BEFORE)
    apply_spec(here, SPEC, NODE)
    roll_back(here, 0, ANY, Dialogue())
    kernel.state, kernel.writes = now, 0
    with pytest.raises(RefusedError) as refused:
        roll_back(here, 1, ANY, Dialogue())
    assert str(refused.value) == f"the plan of a can't be applied, and nothing was changed:\n  {why}"
    assert (kernel.writes, here.store.journal.read()) == (0, None)


def test_the_state_before_a_reboot_waits_for_the_port_and_comes_back_then(tmp_path, taken):
    now, why = taken
    here, kernel, _ = machine(tmp_path, BEFORE)
    make.generation(here.store, make.desired(SPEC), kernel, EARLIER)
    kernel.state, kernel.writes = now, 0
    with pytest.raises(RefusedError) as refused:
        recover(here)
    head = "the state from before the reboot can't be restored, and nothing was changed:"
    assert str(refused.value) == f"{head}\n  {why}"
    assert (kernel.writes, here.store.journal.read()) == (0, None)
    kernel.state = BEFORE
    (recovery,) = recover(here)
    assert (recovery.whole, isinstance(next(here.store.generations.newest_first()), Generation)) == (True, True)
