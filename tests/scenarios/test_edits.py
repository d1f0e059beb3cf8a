"""Specs one after the other lead to the kernel state that the last one makes of a fresh node, on a real kernel.

Each is applied as it is, or as a plan of it that was saved.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from netplan.desired.compile import compile_node, compile_removal
from netplan.desired.model import Desired
from netplan.errors import RestoredError, StoreError
from netplan.kernel import Kernel
from netplan.kernel.linux import Linux
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.snapshot import Snapshot
from netplan.operations.apply_plan import apply_plan
from netplan.operations.live_plan import LivePlan
from netplan.operations.transaction import Journal
from netplan.planning.plan import Source, plan_node
from tests import make, plans
from tests.edits import Cluster, Place, edits
from tests.scenarios.racks import LOOK_AT_TUNNELS
from tests.scratch import in_scratch

FLOOR: Final = """
ip link set lo up
for version in 4 6; do
    for setting in rp_filter accept_ra accept_dad; do
        for device in all default; do
            file=/proc/sys/net/ipv$version/conf/$device/$setting
            [ ! -e $file ] || echo 0 > $file
        done
    done
done
echo 0 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv6/conf/all/forwarding
ip link add eth0 address 02:00:00:00:00:01 type veth peer name far
ip link add docker0 address 02:00:00:00:00:02 type bridge
ip link set far up
ip link set eth0 up
ip link set docker0 up
for segment in 7 8; do
    ip address add 10.4.$segment.21/24 dev eth0
    ip address add fd00:4:$segment::21/64 dev eth0
done
"""

_LOOK: Final = f"""
for version in 4 6; do
    ip -$version -o route show table all | grep -v -e ' dev far ' -e '^anycast ' | sort
    ip -$version -o route show table all type blackhole | sort
    ip -$version -o address show scope global | sed 's/^[0-9]*: //' | sort
    for link in $(ip -o link show type vxlan | cut -d: -f2); do
        ip -$version neighbour show dev $link nud permanent | sort
    done
done
{LOOK_AT_TUNNELS}
iptables-nft-save | grep -E '^(-A|:PODNET)'
ip6tables-nft-save | grep -E '^(-A|:PODNET)'
"""


def shell(script: str) -> str:
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


Way: TypeAlias = Callable[[Desired, Kernel, Journal], None]
"""How a node is made what is desired."""

KEPT: Final = make.Unwritten()


class Failing(make.Unwritten):
    """A journal that can't be written once everything is done."""

    def verified(self, after: Snapshot) -> None:
        raise StoreError("a test asked for that")


def by_saved_plan(wanted: Desired, kernel: Kernel, journal: Journal) -> None:
    """Plan, save the plan, read it again and apply it."""
    text = plans.rendered(make.plans(LivePlan.from_kernel(wanted, kernel).plan))
    (plan,) = plans.read_plan(text, "plan.json").nodes
    apply_plan(LivePlan.from_saved(plan, kernel), journal)


WAYS: Final[tuple[Way, ...]] = (make.apply_desired, by_saved_plan)


def desired(cluster: Cluster) -> Desired:
    spec = cluster.spec
    return compile_node(spec, spec.topology.by_name["a"])


def made_by(clusters: Sequence[Cluster], apply: Way = make.apply_desired) -> str:
    """Apply specs on a fresh node, one after the other, and give what its kernel holds then."""
    shell(FLOOR)
    kernel = Linux(FirewallBackend.NFT)
    for wanted in map(desired, clusters):
        apply(wanted, kernel, KEPT)
        left = plan_node(wanted, kernel.observe(wanted.interest), Source.LIVE).changes
        assert not left, make.said(left)
    return shell(_LOOK)


def left_by_failures(clusters: Sequence[Cluster], apply: Way) -> list[tuple[str, str]]:
    """Apply specs one after the other, each after an apply of it that fails in the end, and give what that left.

    Beside what was there before it.
    """
    shell(FLOOR)
    kernel = Linux(FirewallBackend.NFT)
    seen = []
    for wanted in map(desired, clusters):
        before = shell(_LOOK)
        with suppress(RestoredError):
            apply(wanted, kernel, Failing())
        seen.append((shell(_LOOK), before))
        apply(wanted, kernel, KEPT)
    return seen


def left_after_remove(clusters: Sequence[Cluster], apply: Way) -> tuple[str, str]:
    """Apply specs, one after the other, and the removal of all that is podnet's, and give what that left.

    Beside what was there in the beginning.
    """
    shell(FLOOR)
    before = shell(_LOOK)
    kernel = Linux(FirewallBackend.NFT)
    for wanted in map(desired, clusters):
        apply(wanted, kernel, KEPT)
    spec = clusters[-1].spec
    apply(compile_removal(spec, spec.topology.by_name["a"]), kernel, KEPT)
    return shell(_LOOK), before


def agrees(clusters, apply):
    assert in_scratch(made_by, clusters, apply) == in_scratch(made_by, clusters[-1:])


def is_undone(clusters, apply):
    for after, before in in_scratch(left_by_failures, clusters, apply):
        assert after == before


def is_removed(clusters, apply):
    after, before = in_scratch(left_after_remove, clusters, apply)
    assert after == before


ways = st.sampled_from(WAYS)
a_few = settings(deadline=None, max_examples=4)
many = settings(deadline=None, max_examples=150)


@settings(a_few, max_examples=8)
@given(edits(), ways)
def test_edits_one_after_the_other_lead_to_what_the_last_spec_makes_of_a_fresh_node(clusters, apply):
    agrees(clusters, apply)


def test_what_goes_with_an_mtu_that_is_too_small_for_ipv6_is_gone_already():
    peers = {"p1": Place("7", 31, 22)}
    both = Cluster((4, 6), peers=peers)
    agrees([both, replace(both, families=(4,), backend="{type: vxlan, mtu: 1000}")], make.apply_desired)


@a_few
@given(edits(most=3), ways)
def test_an_apply_that_fails_in_the_end_leaves_what_was_there_before_it(clusters, apply):
    is_undone(clusters, apply)


@a_few
@given(edits(most=3), ways)
def test_remove_leaves_what_was_there_in_the_beginning(clusters, apply):
    is_removed(clusters, apply)


@pytest.mark.soak
@pytest.mark.parametrize("apply", WAYS)
@pytest.mark.parametrize("holds", [agrees, is_undone, is_removed])
def test_that_holds_for_many_edits(holds, apply):
    many(given(edits(most=8))(lambda clusters: holds(clusters, apply)))()
