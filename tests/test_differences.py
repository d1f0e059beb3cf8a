from __future__ import annotations

from netplan.compile import nothing
from netplan.differences import STALE, differences
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.sysctl.value import Sysctl
from tests import make


def reasons(state, **keys):
    """Give the text of every change's reason."""
    return {str(change.resource): change.reason for change in differences(make.desired(make.spec(**keys)), state)}


def test_what_is_wanted_has_the_specs_reason_and_place():
    reason = reasons(make.snapshot())["172.7.22.0/24 via 10.4.7.22 dev eth0"]
    assert (reason.text, str(reason.at)) == ("subnet of b", "s.yaml:7:3")


def test_what_is_no_longer_wanted_says_so():
    assert reasons(make.snapshot("", make.route("172.7.9.0/24")))["172.7.9.0/24 via 10.4.7.22 dev eth0"] == STALE


def test_a_rule_that_goes_says_which_line_of_the_spec_names_it():
    reason = reasons(make.snapshot(make.docker()), firewall=make.REMOVE)[f"nat POSTROUTING 1: {make.DOCKER_MASQUERADE}"]
    assert (reason.text, str(reason.at)) == ("firewall.remove", "s.yaml:5:21")


def test_a_jump_that_is_no_longer_wanted_goes():
    state = make.settled(make.desired(), make.snapshot())
    gone = "nat POSTROUTING 1: -m comment --comment podnet -j PODNET-POSTROUTING"
    assert reasons(state, ip_masq="{enabled: false}")[gone] == STALE


def test_parameters_that_the_spec_does_not_name_are_left_alone():
    state = make.snapshot().replace(Sysctl, [Sysctl("net.ipv4.ip_forward", "1"), Sysctl("net.ipv4.tcp_sack", "0")])
    assert not [change for change in reasons(state) if "sysctl" in change or "tcp_sack" in change]


def test_a_node_that_podnet_leaves_keeps_its_parameters():
    made = make.spec()
    assert not [*differences(nothing(made, made.topology.by_name["a"]), make.snapshot(ip_forward="1"))]


def test_chains_of_other_names_are_foreign_whatever_they_hold():
    state = make.settled(make.desired(), make.snapshot("*nat\n:MY-PODNET - [0:0]\n-A MY-PODNET -j DROP"))
    assert not [*differences(make.desired(), state)]


def test_a_jump_of_ours_in_a_chain_where_none_belongs_goes():
    state = make.snapshot(make.saved(filter=[]))
    input_chain = Chain(ChainKey(4, "filter", "INPUT"), make.rules("-j PODNET-FORWARD"), "ACCEPT")
    found = differences(make.desired(), state.replace(Chain, [*state.all(Chain), input_chain]))
    assert "delete rule filter INPUT 1: -j PODNET-FORWARD" in make.said(found)
