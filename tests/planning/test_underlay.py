"""What a spec leaves to a node's devices, and what the devices that are there stand against."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.desired.compile import compile_node
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.link.value import Link
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.kinds.udp_socket.value import UdpSocket
from netplan.net import IfName, InterfaceAddress
from netplan.operations.plans import plan_move
from netplan.planning.plan import NodePlan, Source, plan_node
from netplan.planning.projection import project
from netplan.planning.underlay import missing_interfaces, resolved_in, unresolved
from tests import make, tunnels
from tests.reports import Kept
from tests.spec.test_families import A6, B6, ONLY6

AUTO = "{interface: auto, mtu: auto}"
VXLAN = "{type: vxlan}"


def state(*addresses: str, mtu=1500, up=("eth0", "ens3", "ens4")) -> Snapshot:
    """Make a node that has some addresses, such as `ens3 10.4.7.21/24`; each of its devices carries as much."""
    devices = [Link(IfName(name), mtu, up=name in up) for name in ("lo", "eth0", "ens3", "ens4", "docker0")]
    standing = [LinkAddress(IfName(link), InterfaceAddress.parse(text)) for link, text in map(str.split, addresses)]
    return make.snapshot().replace(Link, devices).replace(LinkAddress, standing)


def plan(now: Snapshot, source=Source.LIVE, **keys: str) -> NodePlan:
    """Plan for node a of a spec, resolved by the devices of a state."""
    spec = make.spec(**keys)
    return plan_node(compile_node(spec, resolved_in(spec.topology.by_name["a"], now)), now, source)


def test_an_interface_is_found_by_its_address():
    routes = [change.after for change in plan(state("ens3 10.4.7.21/24"), defaults=AUTO).changes]
    assert {route.oif for route in routes if isinstance(route, Route)} == {"ens3"}


def test_an_interface_that_is_found_by_its_address_is_followed_when_it_is_renamed():
    now = state("eth0 10.4.7.21/24")
    spec = make.spec(defaults=AUTO, backend=VXLAN)
    node = spec.topology.by_name["a"]
    applied = project(now, plan(now, defaults=AUTO, backend=VXLAN).changes)
    (renamed,) = [
        replace(link, vxlan=replace(link.vxlan, device=IfName("ens9")))
        for link in applied.all(Link)
        if link.vxlan is not None
    ]
    links = [renamed, *(replace(link, name=IfName("ens9")) if link.name == "eth0" else link for link in now.all(Link))]
    addresses = [
        replace(address, link=IfName("ens9")) if address.link == "eth0" else address
        for address in applied.all(LinkAddress)
    ]
    after = applied.replace(Link, links).replace(LinkAddress, addresses)
    node_plan = plan_node(compile_node(spec, resolved_in(node, after)), after, Source.LIVE)
    assert (node_plan.changes, node_plan.refusals) == ((), ())


@pytest.mark.parametrize("mtu", [1460, 9000])
def test_a_tunnel_carries_what_the_interface_does(mtu):
    changes = plan(state("eth0 10.4.7.21/24", mtu=mtu), defaults="{mtu: auto}", backend=VXLAN).changes
    (tunnel,) = [change.after for change in changes if isinstance(change.after, Link)]
    assert tunnel.mtu == mtu - 50


@pytest.mark.parametrize(
    ("addresses", "up"),
    [
        pytest.param(["ens3 10.4.7.21/24", "ens4 10.4.7.21/32"], ("ens3", "ens4"), id="with the prefix of the spec"),
        pytest.param(["ens4 10.4.7.21/24", "ens3 10.4.7.21/24"], ("ens3",), id="on the device that is up"),
        pytest.param(["lo 10.4.7.21/32", "ens3 10.4.7.21/32"], ("ens3",), id="not on the loopback"),
    ],
)
def test_of_two_devices_with_the_address_the_better_one_is_meant(addresses, up):
    assert resolved_in(make.spec(defaults=AUTO).topology.by_name["a"], state(*addresses, up=up)).interface == "ens3"


def test_of_two_devices_with_the_address_none_is_chosen():
    refusals = plan(state("ens3 10.4.7.21/24", "ens4 10.4.7.21/24"), defaults=AUTO).refusals
    assert refusals == ("interface: auto: 10.4.7.21 is on ens3 and on ens4: write interface: ens3, or the other one",)


def test_where_no_device_has_the_address_that_is_said():
    assert "interface: auto: no interface of this node holds 10.4.7.21" in plan(state(), defaults=AUTO).refusals


@pytest.mark.parametrize("source", [Source.LIVE, Source.RECORDED])
def test_an_interface_that_is_not_there_is_refused_with_the_line_to_write(source):
    assert plan(state("ens3 10.4.7.21/24"), source, defaults="{interface: eth9}").refusals == (
        "there is no interface eth9 on this node: 10.4.7.21 is on ens3; write interface: ens3, or interface: auto",
    )


def test_the_device_of_a_route_of_its_own_is_refused_by_its_name_alone():
    routes = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24, routes: [{prefix: 10.9.0.0/16, dev: eth9}]}"
    assert make.plan(cluster_spec=make.spec(routes)).refusals == ("there is no interface eth9 on this node",)


def test_a_tunnel_by_an_interface_without_the_address_is_refused():
    assert plan(state("ens3 10.4.7.21/24"), backend=VXLAN).refusals == (
        "eth0 does not hold the address of a: 10.4.7.21 is on ens3; write interface: ens3, or interface: auto",
    )


def test_routes_by_an_interface_without_the_address_are_warned_of():
    assert plan(state("ens3 10.4.7.21/24")).warnings == (
        "eth0 does not hold the address of a: 10.4.7.21 is on ens3; write interface: ens3, or interface: auto",
    )


def test_two_addresses_of_a_node_are_to_be_on_one_interface():
    nodes = [
        f"{name}: {{address: 10.4.7.{number}/24, subnet: 172.7.{number}.0/24, ipv6_address: 'fd00:4::{number}/64', "
        f"ipv6_subnet: 'fd00:7:0:{number}::/64'}}"
        for name, number in (("a", 21), ("b", 22))
    ]
    spec = make.spec(*nodes, ipv6_network="fd00:7::/48")
    warnings = make.plan(state("eth0 10.4.7.21/24", "ens3 fd00:4::21/64"), spec).warnings
    assert "fd00:4::21 is on ens3, and 10.4.7.21 on eth0: a needs both on one interface" in warnings


WIDE = (
    "the kernel would refuse podnet.1 the MTU 1450: eth0 carries 1460, and the tunnel needs 50 itself; "
    "write mtu: 1460 or mtu: auto for this node, or mtu: 1410 in backend"
)


def test_a_tunnel_that_does_not_fit_into_its_interface_is_refused():
    assert plan(state("eth0 10.4.7.21/24", mtu=1460), backend=VXLAN).refusals == (WIDE,)


def test_a_tunnel_that_is_there_may_stay_wider_than_its_interface():
    now = state("eth0 10.4.7.21/24")
    applied = project(now, plan(now, backend=VXLAN).changes)
    narrow = [replace(link, mtu=1460) if link.name == "eth0" else link for link in applied.all(Link)]
    assert plan(applied.replace(Link, narrow), backend=VXLAN).refusals == ()


def test_a_tunnel_that_is_too_narrow_for_ipv6_is_refused():
    spec = make.spec(A6, B6, **ONLY6, backend=VXLAN, defaults="{mtu: auto}")
    address = make.spec(A6, B6, **ONLY6).topology.by_name["a"].address
    now = state(f"eth0 {address}", mtu=1320)
    refusals = plan_node(compile_node(spec, resolved_in(spec.topology.by_name["a"], now)), now, Source.LIVE).refusals
    assert refusals[-1] == (
        "the kernel would refuse podnet.1 its IPv6 addresses: its MTU is 1250, and IPv6 needs 1280; "
        "give eth0 (1320) an MTU of 1350 or more"
    )


CILIUM = tunnels.link("cilium_vxlan", vni=0, alias="", exclusive=True)


def port_refusals(other: Link) -> tuple[str, ...]:
    now = state("eth0 10.4.7.21/24")
    return plan(now.replace(Link, [*now.all(Link), other]), backend=VXLAN).refusals


def test_a_port_that_another_tunnel_has_for_itself_is_refused():
    assert port_refusals(CILIUM) == (
        "UDP port 8472 is taken by cilium_vxlan (Cilium's by its name): write port: 8473 in backend, for all nodes",
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(CILIUM, up=False), id="it is down"),
        pytest.param(
            tunnels.link("cilium_vxlan", vni=0, port=4789, alias="", exclusive=True), id="it has another port"
        ),
        pytest.param(tunnels.link("vxlan7", vni=7, alias=""), id="it shares its port"),
        pytest.param(tunnels.link("v6", vni=7, local="fd00::1", alias="", exclusive=True), id="it is of IPv6"),
    ],
)
def test_a_port_that_is_shared_is_not_taken(other):
    assert port_refusals(other) == ()


def socket_refusals(*versions: int) -> tuple[str, ...]:
    now = replace(state("eth0 10.4.7.21/24"), sockets=(UdpSocket(8472, frozenset(versions), "dnsmasq (process 7)"),))
    return plan(now, backend=VXLAN).refusals


@pytest.mark.parametrize("versions", [(4,), (4, 6)])
def test_a_port_that_a_program_has_a_socket_on_is_refused(versions):
    line = "stop it, or write port: 8473 in backend, for all nodes"
    assert socket_refusals(*versions) == (f"UDP port 8472 is taken by a socket of dnsmasq (process 7): {line}",)


def test_a_port_that_a_program_has_for_the_other_ip_version_alone_is_not_taken():
    assert socket_refusals(6) == ()


def test_words_stand_for_an_interface_that_is_not_at_hand():
    spec = make.spec(
        defaults=AUTO, firewall='{remove: [{table: nat, rule: "-A POSTROUTING -o {interface} -j MASQUERADE"}]}'
    )
    desired = compile_node(spec, unresolved(spec.topology.by_name["a"]))
    (route,) = [want.resource for want in desired.objects if isinstance(want.resource, Route)]
    assert str(route) == "172.7.22.0/24 via 10.4.7.22 dev (that of 10.4.7.21)"
    assert [str(removal.rule) for removal in desired.removals] == ["-o auto -j MASQUERADE"]


def test_nodes_whose_interface_is_not_at_hand_are_planned_alike():
    nodes = [f"n{n}: {{address: 10.4.7.{n}/24, subnet: 172.7.{n}.0/24}}" for n in range(1, 7)]
    result = plan_move(make.spec(*nodes, defaults=AUTO), make.spec(*nodes[:-1], defaults=AUTO), None, Kept())
    assert [node.traced_on for node in result.nodes] == [None, "n1", "n1", "n1", "n1", None]
    assert {str(change.after) for change in result.nodes[1].changes} == {"172.7.6.0/24 via 10.4.7.6 dev auto"}


def test_the_traffic_of_a_move_names_an_interface_that_is_not_at_hand_as_the_compiler_does():
    new = make.spec(defaults=AUTO, backend=VXLAN)
    moved = plan_move(new, make.spec(defaults=AUTO), [new.topology.by_name["a"]], Kept()).nodes[0]
    blamed = {effect.blame.rule for effect in moved.effects if effect.changed and effect.blame is not None}
    assert "172.7.22.0/24 via 10.4.7.22 dev (that of 10.4.7.21)" in blamed


def test_a_plan_from_nothing_says_nothing_of_the_interface():
    spec = make.spec(defaults=AUTO)
    empty = plan_node(
        compile_node(spec, unresolved(spec.topology.by_name["a"])), Snapshot(FirewallBackend.NFT), Source.EMPTY
    )
    assert empty.refusals == ()


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ([], "no interface of this node holds 10.4.7.21"),
        (
            ["ens3 10.4.7.21/24"],
            "10.4.7.21 is on ens3, which was not known as the plan was made: plan again with --live",
        ),
        (
            ["ens3 10.4.7.21/24", "ens4 10.4.7.21/24"],
            "10.4.7.21 is on ens3 and on ens4: write interface: ens3, or the other one",
        ),
    ],
)
def test_a_plan_that_was_made_without_the_devices_says_where_the_address_is_now(addresses, said):
    node_plan = plan_node(compile_node(AUTO_SPEC, unresolved(AUTO_SPEC.topology.by_name["a"])), state(), Source.LIVE)
    now = missing_interfaces(node_plan.changes, node_plan.address, state(*addresses))
    assert [*map(str, now)] == [f"interface: auto: {said}"]


AUTO_SPEC = make.spec(defaults=AUTO)
