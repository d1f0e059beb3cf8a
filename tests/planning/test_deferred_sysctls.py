"""Parameters that wait for their device, and what is said of them."""

from __future__ import annotations

import pytest

from netplan.kinds.link.value import Link
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.deferred_sysctls import no_such_sysctl, waiting, warnings
from tests import make, tunnels

OF_CNI0 = Sysctl("net.ipv4.conf.cni0.rp_filter", "0")
SPEC = make.spec(sysctl=f"{{{OF_CNI0.name}: 0, net.ipv4.conf.eth0.rp_filter: 0}}")


def test_a_parameter_of_a_device_that_is_not_there_waits_for_it():
    assert waiting(make.desired(SPEC), make.snapshot()) == (OF_CNI0,)


def test_nothing_waits_where_no_device_is_known():
    assert waiting(make.desired(SPEC), make.snapshot().replace(Link, [tunnels.link()])) == ()


def test_a_parameter_of_a_device_that_the_plan_makes_does_not_wait():
    spec = make.spec(backend="{type: vxlan}", sysctl="{net.ipv4.conf.podnet/1.rp_filter: 0}")
    assert waiting(make.desired(spec), make.snapshot()) == ()


@pytest.mark.parametrize(
    ("sysctl", "said"),
    [
        (OF_CNI0, f"{OF_CNI0} waits for the interface cni0: once that is there, apply or drift --fix sets it"),
        (Sysctl("net.ipv4.tcp_x", "1"), "the kernel of this node has no net.ipv4.tcp_x"),
    ],
)
def test_it_is_said_what_a_parameter_waits_for(sysctl, said):
    assert [*warnings([sysctl])] == [said]


def test_a_parameter_of_bridges_needs_its_module():
    said = no_such_sysctl(Sysctl("net.bridge.bridge-nf-call-iptables", "1"))
    assert said.endswith("no net.bridge.bridge-nf-call-iptables; load its module first: modprobe br_netfilter")
