from __future__ import annotations

import pytest

from netplan.desired.chains import MASQUERADE_CHAIN, masquerade_chain
from netplan.kinds.chain.value import Chain
from netplan.net import IfName, Prefix
from netplan.netfilter.iptables.operands import Masked
from netplan.trace.firewall.targets import Fate
from netplan.trace.firewall.walk import Walker
from netplan.trace.flow import Flow, Mark
from tests import make

PODS, NETWORK = Prefix.parse("172.7.21.0/24"), Prefix.parse("172.7.0.0/16")
REWRITTEN = "gets another source address"
SNAT = (Masked(0x4000, 0x4000), Masked(0x2000, 0x2000))


def chain(**ip_masq) -> Chain:
    """Compile the chain of node a under a policy."""
    written = ", ".join(f"{key}: {value}" for key, value in ip_masq.items())
    model = make.spec(ip_masq=f"{{{written}}}" if written else None).model
    return masquerade_chain(IfName("docker0"), PODS, model.networks[0], model.ip_masq, model.firewall.respect_marks)


def fates(source: Prefix, destination: str, *, marks=SNAT, bridge=False, **ip_masq):
    """Return what may happen to packets that carry none of the marks and leave by the bridge, or by another device."""
    flow = Flow.between(source, Prefix.parse(destination), oif="docker0", other_oif=not bridge, mark=Mark(0, 0, marks))
    branches = Walker({}).walk(chain(**ip_masq).rules, MASQUERADE_CHAIN[4], flow)
    return {REWRITTEN if branch.flow.snat else branch.fate for branch in branches}


def test_each_range_of_ports_gets_its_share_of_the_connections_and_what_has_no_ports_gets_none():
    texts = make.texts(chain(to_ports='"1024-2047,4096-7167"', random_fully="true").rules)
    assert [text.partition("docker0 ")[2] for text in texts if "MASQUERADE" in text] == [
        f"-p {protocol} {rest}-j MASQUERADE --to-ports {ports} --random-fully"
        for protocol in ("tcp", "udp")
        for ports, rest in (("1024-2047", "-m statistic --mode random --probability 0.25000000000 "), ("4096-7167", ""))
    ] + ["-j MASQUERADE --random-fully"]


@pytest.mark.parametrize("destination", ["172.7.22.0/24", "224.0.0.0/4", "169.254.0.0/16"])
def test_a_pod_keeps_its_address_towards(destination):
    assert fates(PODS, destination) == {Fate.ACCEPTED}


def test_a_pod_keeps_its_address_towards_a_destination_that_must_see_it():
    assert fates(PODS, "10.0.0.0/8", non_masquerade_cidrs="[10.0.0.0/8]") == {Fate.ACCEPTED}


@pytest.mark.parametrize("destination", ["8.8.8.8/32", "10.0.0.0/8"])
def test_a_pod_is_masqueraded_towards_the_outside(destination):
    assert fates(PODS, destination) == {REWRITTEN}


def test_link_local_destinations_are_masqueraded_if_the_spec_says_so():
    assert fates(PODS, "169.254.0.0/16", masq_link_local="true") == {REWRITTEN}


def test_what_arrives_for_the_pods_from_other_nodes_keeps_its_source():
    assert fates(Prefix.parse("172.7.22.0/24"), "172.7.21.0/24", bridge=True) == {Fate.ACCEPTED}


@pytest.mark.parametrize("source", ["10.4.7.21/32", "8.8.8.8/32"])
def test_what_is_not_from_the_pod_network_is_left_to_others(source):
    assert fates(Prefix.parse(source), "172.7.21.0/24", bridge=True) == {Fate.CONTINUES}


def test_what_stays_on_the_bridge_is_left_to_others():
    assert fates(PODS, "172.7.21.0/24", bridge=True) == {Fate.RETURNS}


def test_packets_that_another_program_marked_for_snat_are_left_to_it():
    assert Fate.RETURNS in fates(PODS, "172.7.22.0/24", marks=())


def test_ports_are_chosen_at_random_only_if_the_spec_says_so():
    assert "--random-fully" in str(chain().rules[-1])
    assert "--random-fully" not in str(chain(random_fully="false").rules[-1])


def test_a_destination_that_is_named_twice_has_one_rule():
    texts = make.texts(chain(non_masquerade_cidrs="[224.0.0.0/4, 172.7.0.0/16]").rules)
    assert len(set(texts)) == len(texts)
