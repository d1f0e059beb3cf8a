"""What follows the first packet of a connection: rules and routes that only replies, or only later packets, meet."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from netplan.cli.views.lines import traffic_lines
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.policy.value import DEFAULTS, PolicyRule
from netplan.kinds.route.value import Route
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress
from netplan.netfilter.iptables.operands import Masked
from netplan.planning.traffic.classes import classes_of
from netplan.planning.traffic.effects import effects
from tests import make

OWN = make.route("172.7.21.0/24", None, "docker0", protocol=2)
DEFAULT = make.route("0.0.0.0/0", "10.4.7.254", protocol=3)
BRIDGED = LinkAddress(IfName("docker0"), InterfaceAddress.parse("172.7.21.1/24"))
FILTERS = [Sysctl(f"net.ipv4.conf.{device}.rp_filter", "0") for device in ("all", "eth0", "docker0", "wg0")]
DOCKERS_GUARD = "-d 172.7.21.2/32 ! -i docker0 -j DROP"
PEER = make.route("172.7.22.0/24", "10.4.7.22", protocol=4)
MASQUERADE = "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"


def node(hook="mangle FORWARD", rules=(), policy="ACCEPT", *others):
    """Make the state of node a with the rules of one hook, in which nothing of podnet's is."""
    table, name = hook.split()
    chain = Chain(ChainKey(4, table, name), make.rules(*rules), policy)
    state = make.snapshot(make.saved(), BRIDGED, OWN, DEFAULT, *FILTERS, *others, ip_forward="1")
    return state.replace(Chain, [*(one for one in state.all(Chain) if one.key != chain.key), chain])


def lines(before, after):
    """Return what a plan from one state to another does to traffic, with what is to blame."""
    shown = traffic_lines(effects(classes_of(make.desired()), before, after))
    return [f"{line.sign} {line.traffic}: {line.before} -> {line.after} ({line.blame})" for line in shown]


def in_sync(*state):
    """Return the lines of a node in sync, in whose state all that is not podnet's stands."""
    wanted = make.desired()
    after = make.settled(wanted, node(*state))
    return lines(after, after)


def test_what_follows_is_not_told_of_where_it_arrives():
    assert in_sync() == []


def test_replies_to_a_pod_that_docker_guards_die_once_its_source_is_kept():
    blame = f"now: raw PREROUTING 1: {DOCKERS_GUARD}"
    assert in_sync("raw PREROUTING", [DOCKERS_GUARD]) == [
        f"! pod -> pod on b, only from 172.7.21.2: replies dropped -> replies dropped ({blame})",
        f"! pod on b -> pod here, only to 172.7.21.2: dropped -> dropped ({blame})",
        f"! node on b -> pod here, only to 172.7.21.2: dropped -> dropped ({blame})",
    ]


def masqueraded(state):
    """Return a state with docker's MASQUERADE and a script's route to the peer."""
    chain = Chain(make.POSTROUTING, make.rules(MASQUERADE), "ACCEPT")
    others = [other for other in state.all(Chain) if other.key != chain.key]
    return state.replace(Chain, [*others, chain]).replace(Route, [*state.all(Route), PEER])


def test_replies_to_a_masqueraded_pod_pass_dockers_guard_before_they_are_its():
    state = masqueraded(node("raw PREROUTING", [DOCKERS_GUARD]))
    broken = [line for line in lines(state, make.settled(make.desired(), state)) if "replies" in line]
    change = "works now (source 10.4.7.21) -> replies dropped"
    blame = f"now: raw PREROUTING 1: {DOCKERS_GUARD}"
    assert broken == [f"! pod -> pod on b, only from 172.7.21.2: {change} ({blame})"]


FARES = {
    "-m conntrack --ctstate NEW -j ACCEPT": {
        "pod -> pod on b": "later packets dropped",
        "pod on b -> pod here": "later packets dropped",
        "node on b -> pod here": "later packets dropped",
        "pod -> node on b": "later packets dropped",
        "pod -> outside": "later packets dropped",
        "outside -> pod": "later packets dropped",
    },
    "-i docker0 -j ACCEPT": {
        "pod -> pod on b": "replies dropped",
        "pod on b -> pod here": "dropped",
        "node on b -> pod here": "dropped",
        "pod -> node on b": "replies dropped",
        "pod -> outside": "replies dropped",
        "outside -> pod": "dropped",
    },
    "-m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT": {
        "pod -> pod on b": "path MTU errors dropped",
        "pod on b -> pod here": "path MTU errors dropped",
        "node on b -> pod here": "path MTU errors dropped",
        "pod -> node on b": "path MTU errors dropped",
        "pod -> outside": "path MTU errors dropped",
        "outside -> pod": "path MTU errors dropped",
    },
    "-m conntrack --ctstate NEW,RELATED,ESTABLISHED -j ACCEPT": {},
}


@pytest.mark.parametrize("rule", FARES)
def test_what_a_policy_of_forward_drops_of_a_connection_breaks_it(rule):
    blame = "now: mangle FORWARD policy: -P FORWARD DROP"
    fares = {f"! {name}: {fate} -> {fate} ({blame})" for name, fate in FARES[rule].items()}
    assert set(in_sync("mangle FORWARD", [rule], "DROP")) == fares


REPLIES = PolicyRule(100, table=51820, iif="docker0", destination=PEER.prefix)
WG_QUICK = PolicyRule(100, table=51820, negated=True, mark=Masked(51820, 0xFFFFFFFF))
ASTRAY = {
    REPLIES: {
        "pod -> pod on b": "takes the wrong path direct",
        "pod on b -> pod here": "replies take the wrong path dev wg0",
    },
    WG_QUICK: {
        "node on b -> pod here": "takes the wrong path direct",
        "node -> pod here": "takes the wrong path direct",
        "pod -> pod on b": "takes the wrong path direct",
        "pod on b -> pod here": "takes the wrong path direct",
        "outside -> pod": "takes the wrong path direct",
        "pod -> node on b": "replies take the wrong path dev wg0",
        "node -> pod on b": "takes the wrong path direct",
        "pod -> outside": "replies take the wrong path dev wg0",
    },
}


@pytest.mark.parametrize("rule", ASTRAY)
def test_a_table_that_takes_replies_is_to_blame(rule):
    tunnel = replace(make.route("0.0.0.0/0", None, "wg0", protocol=3), table=51820)
    fares = {f"! {name}: {fate} -> {fate} (now: {rule.label}: {rule})" for name, fate in ASTRAY[rule].items()}
    assert set(in_sync("mangle FORWARD", [], "ACCEPT", tunnel, DEFAULTS[0], rule, *DEFAULTS[1:])) == fares
