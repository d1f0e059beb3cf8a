from __future__ import annotations

import pytest

from netplan.kinds.sysctl.forwarding import deciding, followers, follows, once_switched, switched_first
from netplan.kinds.sysctl.value import Sysctl

SWITCH = "net.ipv4.ip_forward"
DEVICE = "net.ipv4.conf.eth0.forwarding"
REDIRECTS = "net.ipv4.conf.all.accept_redirects"


def settings(**values):
    """Make the switch, what follows it, and what does not."""
    names = {
        "switch": SWITCH,
        "device": DEVICE,
        "redirects": REDIRECTS,
        "other": "net.ipv4.conf.eth0.accept_redirects",
    }
    return [Sysctl(names[name], value) for name, value in values.items()]


@pytest.mark.parametrize(
    "name", [SWITCH, DEVICE, REDIRECTS, "net.ipv4.conf.eth0/100.forwarding", "net.ipv6.conf.eth0.forwarding"]
)
def test_what_the_kernel_rewrites_follows(name):
    assert follows(name)


@pytest.mark.parametrize("name", ["net.ipv4.conf.eth0.accept_redirects", "net.ipv6.conf.all.accept_redirects"])
def test_what_the_kernel_leaves_alone_does_not_follow(name):
    assert not follows(name)


def test_a_dot_in_the_name_of_a_device_is_a_slash():
    assert "net.ipv4.conf.eth0/100.forwarding" in followers(["eth0.100"])


def test_a_device_whose_name_is_no_part_of_a_parameter_is_left_out():
    assert followers(["x\x1b[2Jy"]) == followers([])


def test_devices_forward_as_the_switch_says():
    after = once_switched(settings(switch="0", device="0", redirects="1"), [Sysctl(SWITCH, "1")])
    assert after == settings(switch="0", device="1", redirects="0")


def test_a_switch_that_stays_as_it_is_rewrites_nothing():
    before = settings(switch="1", device="0", redirects="1")
    assert once_switched(before, [Sysctl(SWITCH, "1")]) == before


def test_what_does_not_follow_stays():
    before = settings(switch="0", other="1")
    assert once_switched(before, [Sysctl(SWITCH, "1")]) == before


def test_the_switch_is_set_before_what_it_would_overwrite():
    assert switched_first([Sysctl(DEVICE, "0"), Sysctl(SWITCH, "1")]) == [Sysctl(SWITCH, "1"), Sysctl(DEVICE, "0")]


IPV6_SWITCH = "net.ipv6.conf.all.forwarding"


@pytest.mark.parametrize(
    ("switch", "follower"),
    [
        (SWITCH, "net.ipv6.conf.eth0.forwarding"),
        (IPV6_SWITCH, "net.ipv4.conf.eth0.forwarding"),
        (IPV6_SWITCH, REDIRECTS),
    ],
)
def test_a_switch_is_that_of_one_ip_version(switch, follower):
    assert not follows(follower, {switch})


def test_the_devices_follow_the_switch_of_ipv6():
    before = [Sysctl(IPV6_SWITCH, "0"), Sysctl("net.ipv6.conf.eth0.forwarding", "0")]
    after = once_switched(before, [Sysctl(IPV6_SWITCH, "1")])
    assert after == [before[0], Sysctl("net.ipv6.conf.eth0.forwarding", "1")]


def test_advertisements_are_accepted_before_the_switch_drops_what_they_made():
    accepted, switched = Sysctl("net.ipv6.conf.eth0.accept_ra", "2"), Sysctl(IPV6_SWITCH, "1")
    assert switched_first([switched, accepted]) == [accepted, switched]


SWITCH_6, DEVICE_6 = "net.ipv6.conf.all.forwarding", "net.ipv6.conf.eth0/100.force_forwarding"


@pytest.mark.parametrize(
    ("values", "parameter"),
    [
        ({SWITCH_6: "0", DEVICE_6: "1"}, (DEVICE_6, "1")),
        ({SWITCH_6: "1", DEVICE_6: "0"}, (SWITCH_6, "1")),
        ({SWITCH_6: "0"}, (SWITCH_6, "0")),
        ({}, (SWITCH_6, None)),
    ],
)
def test_a_device_forwards_ipv6_by_the_switch_or_by_itself(values, parameter):
    assert deciding(values, 6, "eth0.100") == parameter


@pytest.mark.parametrize(("switch", "device"), [("1", "0"), ("0", "1")])
def test_the_parameter_of_a_device_decides_for_ipv4(switch, device):
    assert deciding({SWITCH: switch, DEVICE: device}, 4, "eth0") == (DEVICE, device)
