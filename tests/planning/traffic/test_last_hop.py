"""What goes to the pods of a node must leave by their bridge, which is up and has the address that the spec says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.cli.views.lines import traffic_lines
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress, Prefix
from netplan.planning.plan import Source, in_full
from netplan.planning.traffic.classes import classes_of
from netplan.planning.traffic.judge import fault_of
from tests import make

DUAL = {"network": "172.7.0.0/16", "ipv6_network": "fd00:7::/48"}
A = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24, ipv6_address: 'fd00:4::21/64', ipv6_subnet: 'fd00:7:0:21::/64'}"
B = "b: {address: 10.4.7.22/24, subnet: 172.7.22.0/24, ipv6_address: 'fd00:4::22/64', ipv6_subnet: 'fd00:7:0:22::/64'}"
FILTERS = [Sysctl(f"net.ipv4.conf.{device}.rp_filter", "0") for device in ("all", "eth0", "docker0")]
BIP = "start dockerd with --bip=172.7.21.1/24"
FIXED = "start dockerd with --ipv6 --fixed-cidr-v6=fd00:7:0:21::/64"
DEFAULT = make.route("0.0.0.0/0", "10.4.7.254", protocol=4)


def state(*others, bridge="172.7.21.1/24"):
    """Make the state of node a, whose interface leads to the outside."""
    return make.snapshot("", DEFAULT, *FILTERS, *others, ip_forward="1", bridge=bridge)


def broken(snapshot, *nodes, **keys):
    """Return what is broken once node a is as a spec says: the classes, how they fare, and what is to blame."""
    desired = make.desired(make.spec(*nodes, **keys))
    after = make.settled(desired, snapshot)
    lines = traffic_lines(in_full(desired, after, Source.LIVE, classes_of(desired)).effects)
    return [(line.traffic, line.after, line.blame) for line in lines if line.sign == "!"]


def blames(snapshot, *nodes, **keys):
    """Return what is to blame for each line."""
    return [blame for _, _, blame in broken(snapshot, *nodes, **keys)]


def named(snapshot, device, **fields):
    """Return the state with other fields of a device."""
    links = [replace(link, **fields) if link.name == device else link for link in snapshot.all(Link)]
    return snapshot.replace(Link, links)


def test_of_a_bridge_as_the_spec_says_nothing_is_told():
    assert broken(state()) == []


def test_another_address_of_the_bridge_cuts_its_pods_off():
    assert broken(state(bridge="172.17.0.1/16")) == [
        (
            "pod -> pod here, pod -> pod on b and 6 more",
            "cut off",
            f"now: bridge: docker0 has 172.17.0.1/16, the spec says 172.7.21.0/24: {BIP}",
        )
    ]


def test_a_longer_or_shorter_prefix_of_the_bridge_cuts_its_pods_off():
    assert [blames(state(bridge=f"172.7.21.1/{length}"))[0][13:41] for length in (16, 25)] == [
        "docker0 has 172.7.21.1/16, t",
        "docker0 has 172.7.21.1/25, t",
    ]


def test_a_bridge_without_an_address_cuts_its_pods_off():
    assert blames(state(bridge=None)) == [
        f"now: bridge: docker0 has no IPv4 address, the spec says 172.7.21.0/24: {BIP}"
    ]


def test_a_bridge_that_is_down_cuts_its_pods_off():
    assert blames(named(state(), "docker0", up=False)) == ["now: bridge: docker0 is down: ip link set docker0 up"]


def test_another_host_of_the_subnet_may_be_the_bridge():
    assert broken(state(bridge="172.7.21.254/24")) == []


def test_one_of_several_addresses_of_a_bridge_is_enough():
    assert (
        broken(state(make.bridged("172.7.21.1/24")[0], make.bridged("172.7.21.1/24")[1], bridge="172.17.0.1/16")) == []
    )


def test_a_bridge_of_another_program_is_given_its_address():
    keys = {"defaults": "{interface: eth0, bridge: cni0}"}
    snapshot = named(state(bridge=None), "docker0", name="cni0")
    assert blames(snapshot, **keys) == [
        "now: bridge: cni0 has no IPv4 address, the spec says 172.7.21.0/24: ip address add 172.7.21.1/24 dev cni0"
    ]


def test_an_ip_version_that_the_bridge_lacks_is_named():
    own = make.bridged("fd00:4::21/64", "eth0")
    assert blames(state(*own), A, B, **DUAL) == [
        f"now: bridge: docker0 has no IPv6 address, the spec says fd00:7:0:21::/64: {FIXED}"
    ]


def test_nodes_without_a_bridge_have_no_pods_yet():
    missing = state(bridge=None)
    links = [link for link in missing.all(Link) if link.name != "docker0"]
    assert broken(missing.replace(Link, links)) == []


def test_what_is_wrong_with_a_bridge_that_is_not_there_is_nothing():
    assert fault_of(LinkAddress(IfName("cni0"), InterfaceAddress.parse("172.7.21.1/24")), state()) is None


@pytest.mark.parametrize("up", [True, False])
def test_a_subnet_whose_one_pod_is_the_node_itself_has_no_pods(up):
    tiny = named(state(bridge="172.7.21.2/30"), "docker0", up=up)
    node = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/30}"
    assert broken(tiny, node, subnet_len="30") == []


def test_of_a_bridge_that_the_spec_wants_nothing_of_nothing_is_told():
    assert broken(state(bridge=None), forward="none", ip_masq="{enabled: false}") == []


@pytest.mark.parametrize(
    ("routes", "fate", "blame"),
    [
        (("172.7.21.0/24 via 10.4.7.9",), "takes the wrong path via 10.4.7.9", "172.7.21.0/24 via 10.4.7.9 dev eth0"),
        (
            ("172.7.21.0/25 via 10.4.7.9", "172.7.21.128/25 via 10.4.7.9"),
            "takes the wrong path via 10.4.7.9",
            "172.7.21.0/25 via 10.4.7.9 dev eth0",
        ),
    ],
)
def test_routes_that_lead_away_from_the_bridge_are_to_blame(routes, fate, blame):
    there = state()
    foreign = [make.route(prefix, via, protocol=4) for prefix, _, via in (text.split() for text in routes)]
    lines = broken(there.replace(Route, [*foreign, *there.all(Route)]))
    assert lines[1] == ("pod on b -> pod here", fate, f"now: route: {blame}")


def test_a_refused_part_of_the_own_subnet_is_told():
    there = state()
    blackhole = Route(Prefix.parse("172.7.21.8/29"), type="blackhole", protocol=4)
    lines = broken(there.replace(Route, [blackhole, *there.all(Route)]))
    assert lines[1] == (
        "pod on b -> pod here, only to 172.7.21.8/29",
        "dropped",
        "now: route: blackhole 172.7.21.8/29",
    )


@pytest.mark.parametrize(("device", "traffic"), [("docker0", "pod -> pod on b"), ("eth0", "pod on b -> pod here")])
def test_a_device_that_does_not_forward_is_to_blame(device, traffic):
    setting = f"net.ipv4.conf.{device}.forwarding"
    lines = {line[0]: line[1:] for line in broken(state(Sysctl(setting, "0")))}
    assert lines[traffic] == ("dropped", f"now: route: dropped: {setting} is 0")


def test_a_bridge_without_carrier_whose_routes_are_not_used_has_no_pods_yet():
    podless = replace(state(), linkdown=frozenset({(4, IfName("docker0"))}))
    desired = make.desired(make.spec())
    plan = in_full(desired, make.settled(desired, podless), Source.LIVE, classes_of(desired))
    assert broken(podless) == []
    assert [warning for warning in plan.warnings if "has no pods yet" in warning] == [
        "docker0 has no carrier, and its routes are not used (ignore_routes_with_linkdown): it has no pods yet"
    ]
