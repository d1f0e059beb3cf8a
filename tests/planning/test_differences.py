from __future__ import annotations

from msgspec.structs import replace

from netplan.desired.compile import compile_removal
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.resource import Resource
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.planning.differences import SECOND, STALE, diff_node
from tests import make, tunnels


def reasons(state, **keys):
    """Return the text of every change's reason."""
    return {str(change.resource): change.reason for change in diff_node(make.desired(make.spec(**keys)), state)}


def test_what_is_wanted_has_the_specs_reason_and_place():
    reason = reasons(make.snapshot())["172.7.22.0/24 via 10.4.7.22 dev eth0"]
    assert (reason.text, str(reason.at)) == ("subnet of b", "s.yaml:7:3")


def test_what_is_no_longer_wanted_says_so():
    assert reasons(make.snapshot("", make.route("172.7.9.0/24")))["172.7.9.0/24 via 10.4.7.22 dev eth0"] == STALE


def test_of_two_routes_of_one_prefix_each_has_its_own_reason():
    by_object = reasons(make.snapshot("", make.route(via="10.4.7.9"), make.route(), make.route(via="10.4.7.8")))
    deleted = {what: reason for what, reason in by_object.items() if what.startswith("172.7.22.0/24")}
    assert deleted == {
        "172.7.22.0/24 via 10.4.7.9 dev eth0": SECOND,
        "172.7.22.0/24 via 10.4.7.8 dev eth0": SECOND,
    }


def test_a_route_that_is_there_stays_whatever_has_become_of_the_address_of_its_device():
    state = make.snapshot("", make.route(), make.route("172.7.9.0/24"), address="10.4.7.21/32")
    changes = [change.resource for change in diff_node(make.desired(), state) if isinstance(change.resource, Route)]
    assert changes == [make.route("172.7.9.0/24")]


def test_a_route_that_is_not_there_is_made_as_one_that_is_on_link_where_its_device_has_no_way_to_the_next_hop():
    changes = diff_node(make.desired(), make.snapshot(address="10.4.7.21/32"))
    assert replace(make.route(), onlink=True) in [change.after for change in changes]


def test_a_rule_that_goes_says_which_line_of_the_spec_names_it():
    reason = reasons(make.snapshot(make.docker()), firewall=make.REMOVE)[f"nat POSTROUTING 1: {make.DOCKER_MASQUERADE}"]
    assert (reason.text, str(reason.at)) == ("firewall.remove", "s.yaml:5:21")


def test_a_jump_that_is_no_longer_wanted_goes():
    state = make.settled(make.desired(), make.snapshot())
    jump = "nat POSTROUTING 1: -m comment --comment podnet -j PODNET-POSTROUTING"
    assert reasons(state, ip_masq="{enabled: false}")[jump] == STALE


def test_parameters_that_the_spec_does_not_name_are_left_alone():
    state = make.snapshot().replace(Sysctl, [Sysctl("net.ipv4.ip_forward", "1"), Sysctl("net.ipv4.tcp_sack", "0")])
    assert not [change for change in reasons(state) if "sysctl" in change or "tcp_sack" in change]


def test_a_node_that_podnet_leaves_keeps_its_parameters():
    spec = make.spec()
    assert not [*diff_node(compile_removal(spec, spec.topology.by_name["a"]), make.snapshot(ip_forward="1"))]


def test_chains_of_other_names_are_foreign_whatever_they_hold():
    state = make.settled(make.desired(), make.snapshot("*nat\n:MY-PODNET - [0:0]\n-A MY-PODNET -j DROP"))
    assert not [*diff_node(make.desired(), state)]


def test_a_jump_of_ours_in_a_chain_where_none_belongs_goes():
    state = make.snapshot(make.saved(filter=[]))
    input_chain = Chain(ChainKey(4, "filter", "INPUT"), make.rules("-j PODNET-FORWARD"), "ACCEPT")
    changes = diff_node(make.desired(), state.replace(Chain, [*state.all(Chain), input_chain]))
    assert "delete rule filter INPUT 1: -j PODNET-FORWARD" in make.said(changes)


PEER: list[Resource] = [tunnels.route(), tunnels.neighbour(), tunnels.fdb()]
GONE: list[Resource] = [
    tunnels.route("172.7.98.0/24"),
    tunnels.neighbour("172.7.98.0", "0e:2a:0a:04:07:62"),
    tunnels.fdb("0e:2a:0a:04:07:62", "10.4.7.98"),
]
"""What an end of a tunnel holds for a node that is a peer, and for one that is none any more."""


def of_tunnel(*standing, **link):
    """Return what becomes of what stands on a tunnel of ours, with the reason, as the spec wants one of VNI 1."""
    state = make.snapshot("", tunnels.link(**link), tunnels.address(), *standing)
    changes = [*diff_node(make.desired(make.spec(backend="{type: vxlan}")), state)]
    kinds = ("address", "route", "neighbour", "fdb")
    return {make.said([change])[0]: change.reason.text for change in changes if change.resource.kind in kinds}


def test_what_goes_with_a_tunnel_that_is_made_anew_and_does_not_come_again_is_deleted():
    by_object = of_tunnel(*PEER, *GONE, port=4789)
    assert [what for what, why in by_object.items() if why == STALE.text] == [
        f"delete {resource.kind} {resource}" for resource in (GONE[1], GONE[2], GONE[0])
    ]


def test_what_goes_with_a_tunnel_that_is_made_anew_and_comes_again_is_an_update_that_says_so():
    by_object = of_tunnel(*PEER, *GONE, port=4789)
    again = {what for what, why in by_object.items() if why.endswith("; lost as its link changes")}
    assert again == {f"update {resource.kind} {resource}" for resource in [tunnels.address(), *PEER]}


def test_the_kernel_drops_neighbours_with_a_link_layer_address_and_no_routes():
    by_object = of_tunnel(*PEER, *GONE[1:2], mac="0e:2a:00:00:00:01")
    assert [*by_object] == [f"update neighbour {PEER[1]}", f"delete neighbour {GONE[1]}"]
