"""Specs one after the other lead to the kernel state that the last one makes of a fresh node, on a real kernel."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from netplan.desired.compile import compile_node, compile_removal
from netplan.errors import RestoredError
from netplan.kernel.linux import Linux
from netplan.kinds.chain.value import FirewallBackend
from netplan.planning.plan import Source, plan_node
from tests import make
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


def made_by(clusters: Sequence[Cluster]) -> str:
    """Apply specs on a fresh node, one after the other, and give what its kernel holds then."""
    shell(FLOOR)
    kernel = Linux(FirewallBackend.NFT)
    for cluster in clusters:
        spec = cluster.spec
        wanted = compile_node(spec, spec.topology.by_name["a"])
        make.apply_desired(wanted, kernel)
        left = plan_node(wanted, kernel.observe(wanted.interest), Source.LIVE).changes
        assert not left, make.said(left)
    return shell(_LOOK)


def left_by_failures(clusters: Sequence[Cluster]) -> list[tuple[str, str]]:
    """Apply specs one after the other, each after an apply of it that fails in the end, and give what that left.

    Beside what was there before it.
    """
    shell(FLOOR)
    kernel = Linux(FirewallBackend.NFT)
    seen = []
    for cluster in clusters:
        spec = cluster.spec
        wanted = compile_node(spec, spec.topology.by_name["a"])
        before = shell(_LOOK)
        with suppress(RestoredError):
            make.apply_desired(wanted, kernel, fails="a test asked for that")
        seen.append((shell(_LOOK), before))
        make.apply_desired(wanted, kernel)
    return seen


def left_after_remove(clusters: Sequence[Cluster]) -> tuple[str, str]:
    """Apply specs, one after the other, and the removal of all that is podnet's, and give what that left.

    Beside what was there in the beginning.
    """
    shell(FLOOR)
    before = shell(_LOOK)
    kernel = Linux(FirewallBackend.NFT)
    for cluster in clusters:
        make.apply_desired(compile_node(cluster.spec, cluster.spec.topology.by_name["a"]), kernel)
    spec = clusters[-1].spec
    make.apply_desired(compile_removal(spec, spec.topology.by_name["a"]), kernel)
    return shell(_LOOK), before


def agrees(clusters):
    assert in_scratch(made_by, clusters) == in_scratch(made_by, clusters[-1:])


def is_undone(clusters):
    for after, before in in_scratch(left_by_failures, clusters):
        assert after == before


def is_removed(clusters):
    after, before = in_scratch(left_after_remove, clusters)
    assert after == before


a_few = settings(deadline=None, max_examples=4)
many = settings(deadline=None, max_examples=150)


@settings(a_few, max_examples=8)
@given(edits())
def test_edits_one_after_the_other_lead_to_what_the_last_spec_makes_of_a_fresh_node(clusters):
    agrees(clusters)


def test_what_goes_with_an_mtu_that_is_too_small_for_ipv6_is_gone_already():
    peers = {"p1": Place("7", 31, 22)}
    both = Cluster((4, 6), peers=peers)
    agrees([both, replace(both, families=(4,), backend="{type: vxlan, mtu: 1000}")])


@a_few
@given(edits(most=3))
def test_an_apply_that_fails_in_the_end_leaves_what_was_there_before_it(clusters):
    is_undone(clusters)


@a_few
@given(edits(most=3))
def test_remove_leaves_what_was_there_in_the_beginning(clusters):
    is_removed(clusters)


@pytest.mark.soak
@pytest.mark.parametrize("holds", [agrees, is_undone, is_removed])
def test_that_holds_for_many_edits(holds):
    many(given(edits(most=8))(holds))()
