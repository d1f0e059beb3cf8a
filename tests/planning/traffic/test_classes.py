from __future__ import annotations

from netplan.desired.compile import compile_removal
from netplan.kinds.address.value import LinkAddress
from netplan.kinds.chain.value import ChainKey
from netplan.kinds.sysctl.value import Sysctl
from netplan.net import IfName, InterfaceAddress
from netplan.planning.plan import Source, in_full
from netplan.planning.traffic.classes import classes_of, flows_of
from netplan.trace import Passing
from tests import make

BRIDGED = LinkAddress(IfName("docker0"), InterfaceAddress.parse("172.7.21.1/24"))
BRIDGED_6 = LinkAddress(IfName("docker0"), InterfaceAddress.parse("fd00:7:21::1/64"))
FILTERS = [Sysctl(f"net.ipv4.conf.{device}.rp_filter", "0") for device in ("all", "eth0", "docker0")]
OWN = make.route("172.7.21.0/24", None, "docker0", protocol=2)
DEFAULT = make.route("0.0.0.0/0", "10.4.7.1", protocol=4)


def given_up(*objects, wanted=None):
    """Return what becomes of pods' packets to subnets that the spec does not know."""
    wanted = wanted or make.desired()
    known = {"pod -> pod", "pod -> node", "pod -> outside", "pod -> pod here"}
    state = make.snapshot("", OWN, *objects, *FILTERS, ip_forward="1")
    effects = in_full(wanted, state, Source.LIVE, classes_of(wanted)).effects
    sent = [
        effect for effect in effects if effect.probe.traffic.startswith("pod -> ") and effect.probe.traffic not in known
    ]
    return {effect.probe.name: effect.words for effect in sent if effect.changed}


def test_a_subnet_whose_route_of_ours_goes_is_traffic_that_is_given_up():
    deleted = make.route("172.7.99.0/24", "10.4.7.9")
    assert given_up(BRIDGED, DEFAULT, deleted) == {
        "pod -> 172.7.99.0/24": ("source kept, via 10.4.7.9", "via 10.4.7.1"),
    }


def test_without_another_route_it_is_rejected():
    assert given_up(BRIDGED, make.route("172.7.99.0/24", "10.4.7.9")) == {
        "pod -> 172.7.99.0/24": ("source kept", "rejected"),
    }


def test_an_ip_version_that_the_spec_drops_is_given_up_too():
    deleted = make.route("fd00:7:22::/64", "fd00:4::22")
    assert [*given_up(BRIDGED, BRIDGED_6, deleted)] == ["pod -> fd00:7:22::/64"]


def test_of_many_subnets_a_few_stand_for_all():
    deleted = [make.route(f"172.7.{number}.0/24", "10.4.7.9") for number in range(90, 99)]
    assert len(given_up(BRIDGED, *deleted)) == 4


def test_routes_of_others_and_to_what_the_spec_knows_are_not_given_up():
    there = [make.route("172.7.99.0/24", "10.4.7.9", protocol=4), make.route(), make.route("172.7.98.5/32", "10.4.7.9")]
    assert not given_up(BRIDGED, *there)
    assert not given_up(BRIDGED, make.route(), wanted=compile_removal(make.spec(), make.spec().topology.nodes[0]))


def test_a_subnet_of_one_pod_has_no_neighbours():
    tiny = make.desired(make.spec("a: {address: 10.4.7.21/24, subnet: 172.7.21.0/30}", subnet_len="30"))
    assert [traffic.traffic for traffic in classes_of(tiny)] == [
        "node -> pod here",
        "pod -> outside",
        "outside -> pod",
    ]


def test_by_which_device_packets_arrive_is_not_known_before_routes_are_read():
    flows = flows_of(classes_of(make.desired()))
    assert {flow.iif for flow in flows} == {"docker0", "", None}


def test_what_may_come_back_is_looked_for_in_the_rules_too():
    passing = Passing(flows_of(classes_of(make.desired())))
    back = make.rule("-s 172.7.22.9/32 -d 10.4.7.21/32 -m conntrack --ctdir REPLY -j GUARD")
    met = [passing(ChainKey(4, table, "PREROUTING"), back) for table in ("raw", "mangle", "nat")]
    assert met == [True, True, False]
