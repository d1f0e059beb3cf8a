"""What podnet remembers of the routes that it had on a node, where something stood in the way of some of them."""

from __future__ import annotations

import pytest

from netplan.desired.compile import compile_node
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.operations.apply_journal import ApplyJournal, WantedState
from netplan.operations.apply_plan import apply_plan
from netplan.operations.live_plan import LivePlan
from netplan.operations.remembered import checked_against, with_applied
from netplan.operations.settle import bring_back
from netplan.planning.obstacles import Obstacle
from netplan.planning.plan import Source, plan_node
from netplan.store.store import Store
from tests import make
from tests.kernels.memory import MemoryKernel
from tests.reports import Kept

OURS = make.route()
FOREIGN = make.route(via="10.4.7.254", protocol=3)
REFUSED = Obstacle.before("the kernel refuses it", [OURS])
OFF = Sysctl("net.ipv4.ip_forward", "0")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def mended_beside(store, kernel, wanted, boot=None):
    """Take our route and forwarding from a node, and mend what can be where the kernel refuses the route."""
    state = kernel.state
    settings = [sysctl for sysctl in state.all(Sysctl) if sysctl.name != OFF.name]
    routes = [route for route in state.all(Route) if route != OURS]
    kernel.state = state.replace(Route, routes).replace(Sysctl, [*settings, OFF])
    work = LivePlan.from_kernel(wanted, kernel).beside([REFUSED])
    journal = ApplyJournal(
        store, make.origin(boot=boot), WantedState(work.plan.sysctls, hooks=work.plan.hooks, blocked=work.blocked)
    )
    apply_plan(work, journal)
    journal.finished()


def replaced(store, wanted):
    """Plan where another program has put its route into the place of ours."""
    return plan_node(with_applied(wanted, store.folder, Kept()), make.snapshot("", FOREIGN), Source.LIVE)


def test_a_route_that_was_left_out_of_a_fix_is_put_back_where_another_program_took_its_place_since(store):
    kernel, wanted = MemoryKernel(make.snapshot()), make.desired()
    make.generation(store, wanted, kernel)
    mended_beside(store, kernel, wanted)
    mended_beside(store, kernel, wanted)
    plan = replaced(store, wanted)
    assert (plan.refusals, plan.puts_back) == ((), True)


def test_a_reboot_does_not_forget_it(store):
    kernel, wanted = MemoryKernel(make.snapshot()), make.desired()
    make.generation(store, wanted, kernel, "another boot")
    mended_beside(store, kernel, wanted, "another boot")
    bring_back(store, store.generations.all()[-1], lambda _: MemoryKernel(make.snapshot()), 0.0)
    assert (store.generations.newest, replaced(store, wanted).refusals) == (3, ())


def test_a_route_that_podnet_never_had_is_not_taken_for_its_own_since_a_fix_left_it_out(store):
    kernel, wanted = MemoryKernel(make.snapshot()), make.desired()
    mended_beside(store, kernel, wanted)
    assert len(replaced(store, wanted).refusals) == 1


def test_what_a_later_spec_does_without_is_forgotten(store):
    kernel, wanted = MemoryKernel(make.snapshot()), make.desired()
    make.generation(store, wanted, kernel)
    mended_beside(store, kernel, wanted)
    alone = make.spec("a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24}", sysctl="{net.ipv4.conf.all.rp_filter: 2}")
    make.generation(store, compile_node(alone, alone.topology.nodes[0]), kernel)
    assert len(replaced(store, wanted).refusals) == 1


def test_a_saved_plan_that_puts_back_a_route_of_the_newest_generation_is_not_refused(store):
    make.generation(store, make.desired(), MemoryKernel(make.snapshot()))
    plan = replaced(store, make.desired())
    assert checked_against(plan, store.folder, Kept()) == plan


def test_a_saved_plan_that_puts_back_what_podnet_did_not_have_there_is_refused(store, tmp_path):
    make.generation(store, make.desired(), MemoryKernel(make.snapshot()))
    plan = checked_against(replaced(store, make.desired()), tmp_path / "another node's", Kept())
    assert plan.refusals == (f"route {OURS}: podnet had none there in its newest generation on this node: plan again",)


def test_generations_that_cannot_be_read_are_a_warning_and_tell_of_no_route(store):
    store.generations.folder.write_text("")
    report = Kept()
    assert with_applied(make.desired(), store.folder, report).applied == frozenset()
    assert report.notes == [f"warning: {store.generations.folder} can't be read: Not a directory"]


def test_a_damaged_newest_generation_tells_of_no_route(store):
    make.generation(store, make.desired(), MemoryKernel(make.snapshot()))
    (store.generations.folder / "000002.json").write_text("{")
    assert with_applied(make.desired(), store.folder, Kept()).applied == frozenset()
