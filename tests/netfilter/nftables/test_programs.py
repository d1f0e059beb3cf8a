"""Tables that other programs make with nft: refused, shown or let be by what they do to pod traffic."""

from __future__ import annotations

import subprocess

import pytest

from netplan.kinds.chain.programs import Iptables
from netplan.kinds.chain.reach import MANY_RULES
from netplan.kinds.chain.tables import tables
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.foreign_chain import driver
from netplan.kinds.foreign_chain.driver import FOLLOWED
from netplan.netfilter.nftables.expression import chains
from netplan.planning.advice import foreign_rules
from netplan.planning.advice.case import Case
from tests import make
from tests.kinds.chain.scratch import call
from tests.netfilter.nftables.programs import (
    AT_THE_PODS,
    DEBIAN,
    DOCKER,
    ELSEWHERE,
    FIREWALLD,
    KUBE_PROXY,
    NETAVARK,
    PORTMAP,
    filled,
)


def beside(text):
    """Load tables; return what there is beside the legacy programs, whose own tables are empty."""
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
    there = chains()
    own = tables(Iptables.find(FirewallBackend.LEGACY), there, MANY_RULES)
    return [*driver.observe(FirewallBackend.LEGACY, own, there, MANY_RULES)]


@pytest.fixture
def said(tmp_path):
    """What is said of tables beside node a's iptables: refusals, and warnings."""

    def loaded(text):
        state = make.snapshot("", *call(tmp_path / "lock", beside, text))
        wanted = make.desired()
        case = Case(wanted, (), state, live=True)
        return [*foreign_rules.refuse_foreign_rules(case)], [*foreign_rules.warn_of_foreign_rules(case)]

    return loaded


LET_BE = {
    "netavark's network and its published port": filled(NETAVARK, **ELSEWHERE),
    "the portmap plugin's ports": filled(PORTMAP),
    "docker's bridge": filled(DOCKER, **ELSEWHERE),
    "kube-proxy's services": filled(KUBE_PROXY, CLUSTER_IP="10.96.0.1"),
    "firewalld": filled(FIREWALLD, VERDICT="accept", MASQUERADE=""),
    "a firewall that lets through": filled(DEBIAN, POLICY="accept"),
}
REFUSED = {
    "netavark's masquerade of pods": (
        filled(NETAVARK, **AT_THE_PODS),
        "nv_2f259bab_10_88_0_0_nm16 2 may give pod traffic to 172.7.0.0/16 another source: ! -d 224.0.0.0/4 -j",
    ),
    "docker's masquerade of pods": (
        filled(DOCKER, **AT_THE_PODS),
        "nat-postrouting-out__docker0 1 may give pod traffic to 172.7.0.0/16 another source: -s 172.7.21.0/24 ! -",
    ),
    "a service within the pod network": (
        filled(KUBE_PROXY, CLUSTER_IP="172.7.99.1"),
        "may send pod traffic to 172.7.0.0/16 elsewhere: -p tcp -j DNAT --to-destination 172.7.2",
    ),
    "firewalld's masquerade": (
        filled(FIREWALLD, VERDICT="accept", MASQUERADE='oifname != "lo" masquerade'),
        "nat_POST_public 1 may give pod traffic to 172.7.0.0/16 another source: ! -o lo -j MASQUERADE",
    ),
}
WARNED = {
    "firewalld's rejecting zone": (
        filled(FIREWALLD, VERDICT="reject", MASQUERADE=""),
        "filter_FWD_pods 1 may refuse pod traffic to 172.7.0.0/16 and the outside: -j REJECT --reject-with icmp-port",
    ),
    "firewalld's default": (
        filled(FIREWALLD, VERDICT="ct state invalid drop", MASQUERADE=""),
        "filter_FORWARD 7 may refuse pod traffic to 172.7.0.0/16 and the outside: -j REJECT --reject-with icmp-admin",
    ),
    "docker's own bridge": (filled(DOCKER, **AT_THE_PODS), "filter-forward-in__docker0 4 may refuse pod traffic"),
    "docker's guard against direct access": (
        filled(DOCKER, **AT_THE_PODS),
        "raw-PREROUTING 1 may refuse pod traffic to 172.7.21.0/24: -d 172.7.21.2/32 ! -i docker0 -j DROP",
    ),
    "a firewall that drops": (filled(DEBIAN, POLICY="drop"), "forward policy may refuse pod traffic"),
}


@pytest.mark.parametrize("text", LET_BE.values(), ids=LET_BE)
def test_table_that_can_t_touch_pod_traffic_is_let_be(said, text):
    assert said(text)[0] == []


@pytest.mark.parametrize("text", LET_BE.values(), ids=LET_BE)
def test_table_that_can_t_touch_pod_traffic_is_shown_as_doing_nothing(said, text):
    assert [line for line in said(text)[1] if "may" in line] == []


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_table_that_rewrites_pod_traffic_is_refused_by_its_rule(said, text, why):
    assert why in " ".join(said(text)[0])


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_refusal_names_the_command_that_shows_the_table(said, text, why):
    assert all("take it away first: nft list table " in line for line in said(text)[0])


@pytest.mark.parametrize(("text", "why"), WARNED.values(), ids=WARNED)
def test_filter_that_refuses_pod_traffic_is_shown_by_its_rule(said, text, why):
    assert why in " ".join(said(text)[1])


def test_chain_that_two_kinds_of_chains_lead_to_is_followed_from_both(said):
    text = """
    table inet both {
        chain shared { ip saddr 172.7.21.0/24 tcp dport 80 counter; }
        chain f { type filter hook forward priority 0; jump shared; drop; }
        chain n { type nat hook postrouting priority 100; jump shared; masquerade; }
    }
    """
    refused, warned = said(text)
    assert ["n 2 may give" in " ".join(refused), "f 2 may refuse" in " ".join(warned)] == [True, True]


def test_set_of_too_many_elements_holds_for_some_packets(said):
    many = ", ".join(f"192.168.{number >> 8}.{number & 255}" for number in range(0, 2400, 2))
    text = f"""
    table ip big {{
        set many {{ type ipv4_addr; elements = {{ {many} }}; }}
        chain n {{ type nat hook postrouting priority 100; ip saddr @many masquerade; }}
    }}
    """
    assert "n 1 may give pod traffic to 172.7.0.0/16 another source: -m nft -j MASQUERADE" in " ".join(said(text)[0])


def services(*addresses):
    """Make a map of more services than chains are followed, and of each of the addresses one."""
    many = [*(f"10.96.{number >> 8}.{number & 255}" for number in range(FOLLOWED)), *addresses]
    elements = ", ".join(f"{address} : goto service-{number:04}" for number, address in enumerate(many))
    chains = "\n".join(f"chain service-{number:04} {{ counter; }}" for number in range(len(many)))
    return f"""
    table ip kube-proxy {{
        map service-ips {{ type ipv4_addr : verdict; elements = {{ {elements} }}; }}
        {chains}
        chain n {{ type nat hook prerouting priority -100; ip daddr vmap @service-ips; }}
    }}
    """


def test_services_that_no_pod_traffic_is_for_are_let_be_however_many_they_are(said):
    assert said(services("10.97.0.1"))[0] == []


def test_chain_that_was_not_followed_may_do_anything(said):
    assert "n 1 may send pod traffic to 172.7.0.0/16 elsewhere: -d 172.7.99.1/32 -g service-0256" in " ".join(
        said(services("172.7.99.1"))[0]
    )
