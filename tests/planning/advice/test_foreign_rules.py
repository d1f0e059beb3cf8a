"""What rules beside this node's iptables may do to pod traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest
from msgspec.structs import replace

from netplan.desired.compile import compile_removal
from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.planning.advice import foreign_rules
from netplan.planning.advice.case import Case
from tests import make


def case(desired, state):
    return Case(desired, (), state, live=True)


def other(*rules, table="nat", name="POSTROUTING", owner=Owner.LEGACY, policy="ACCEPT", hook="", nat=None, version=4):
    """Make a chain beside node a's iptables."""
    chain = Chain(ChainKey(version, table, name), make.rules(*rules, version=version), policy)
    return OtherChain(owner, chain, hook or name.lower(), table == "nat" if nat is None else nat, len(rules))


def below(*rules, table="nat", name="BELOW", owner=Owner.LEGACY, nat=True):
    """Make a chain that rules lead to."""
    return OtherChain(owner, Chain(ChainKey(4, table, name), make.rules(*rules)), None, nat, len(rules))


def refused(*others, **keys):
    return [*foreign_rules.refuse_foreign_rules(case(make.desired(make.spec(**keys)), make.snapshot("", *others)))]


def warned(*others):
    return [*foreign_rules.warn_of_foreign_rules(case(make.desired(), make.snapshot("", *others)))]


MASK = "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"
HARMFUL = {
    "docker's masquerade": other(MASK),
    "a masquerade of everything": other("-j MASQUERADE"),
    "a masquerade of what only the packet tells": other("-m conntrack --ctstate NEW -j MASQUERADE"),
    "a source": other("-o eth0 -j SNAT --to-source 10.4.7.21"),
    "a masquerade of what arrives for the pods": other("-d 172.7.21.0/24 -o docker0 -j MASQUERADE"),
    "an unknown target": other("-s 172.7.21.0/24 -j WHATEVER --option"),
    "another destination": other("-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.9.9.9", name="PREROUTING"),
    "a refusal": other("-j REJECT", table="filter", name="FORWARD"),
    "a refusal of a pod": other("-s 172.7.21.2/32 -j DROP", table="filter", name="FORWARD"),
    "a refusal of what is for others than the node": other(
        "-m addrtype ! --dst-type LOCAL -j DROP", table="raw", name="PREROUTING"
    ),
    "a refusal of replies": other("-m conntrack --ctstate ESTABLISHED -j DROP", table="filter", name="FORWARD"),
    "a refusal by the pods' bridge": other("-o docker0 -j DROP", table="filter", name="FORWARD"),
    "a policy that drops": other(table="filter", name="FORWARD", policy="DROP"),
    "a drop before routing": other("-s 172.7.0.0/16 -j DROP", table="raw", name="PREROUTING"),
    "nft's masquerade": other("-o eth0 -j MASQUERADE", table="inet firewalld", owner=Owner.NFTABLES, nat=True),
    "nft's map": other("-m nft -j nft-unknown", table="inet firewalld", owner=Owner.NFTABLES, nat=True),
    "nft's source": other("-j SNAT --to-nft", table="ip mine", owner=Owner.NFTABLES, nat=True),
}
HARMLESS = {
    "a masquerade of other networks": other("-s 192.168.122.0/24 -j MASQUERADE"),
    "a masquerade of what stays on the bridge": other("-s 172.7.21.0/24 -o docker0 -j MASQUERADE"),
    "a masquerade of marked packets": other("-m mark --mark 0x4000/0x4000 -j MASQUERADE"),
    "a masquerade behind an end": other("-j ACCEPT", MASK),
    "an acceptance": other("-s 172.7.0.0/16 -j ACCEPT", table="filter", name="FORWARD"),
    "a published port": other(
        "-m addrtype --dst-type LOCAL -p tcp -j DNAT --to-destination 172.7.21.2", name="PREROUTING"
    ),
    "a port of the node's address": other(
        "-d 10.4.7.21/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.7.21.2", name="PREROUTING"
    ),
    "a masquerade of what the node sends": other("-m addrtype --src-type LOCAL -j MASQUERADE"),
    "a pod that reaches itself": other("-s 172.7.21.2/32 -d 172.7.21.2/32 -j MASQUERADE"),
    "a refusal by a device before routing": other("-o eth0 -j DROP", table="raw", name="PREROUTING"),
    "a refusal of what is invalid": other("-m conntrack --ctstate INVALID -j DROP", table="filter", name="FORWARD"),
    "a refusal of other bridges": other("-o br-1 -j DROP", "-i br-1 -j DROP", table="filter", name="FORWARD"),
    "a service": other("-d 10.96.0.1/32 -j DNAT --to-destination 172.7.21.2", name="PREROUTING"),
    "a masquerade of packets whose mark is tested and then set": other(
        "-m mark --mark 0x4000/0x4000 -m MARK --set-xmark 0x4000/0x0 -j MASQUERADE",
        table="ip kube-proxy",
        owner=Owner.NFTABLES,
        nat=True,
    ),
    "a masquerade of link-local destinations": other("-d 169.254.0.0/16 -j MASQUERADE"),
    "a masquerade of multicast": other("-d 224.0.0.0/4 -j MASQUERADE"),
    "a refusal of what is for the node": other("-j DROP", table="filter", name="INPUT"),
    "a refusal of other networks": other("-s 10.9.0.0/16 -d 10.9.0.0/16 -j DROP", table="filter", name="FORWARD"),
    "a repair of checksums": other("-p udp -m udp --dport 68 -j CHECKSUM --checksum-fill", table="mangle"),
    "nft's refusal": other("-j REJECT", table="inet x", name="f", owner=Owner.NFTABLES, hook="forward", nat=False),
}


@pytest.mark.parametrize("chain", HARMFUL.values(), ids=HARMFUL)
def test_rule_that_may_touch_pod_traffic_is_refused(chain):
    assert len(refused(chain)) == 1


@pytest.mark.parametrize("chain", HARMLESS.values(), ids=HARMLESS)
def test_rule_that_can_t_touch_pod_traffic_is_not_refused(chain):
    assert refused(chain) == []


@pytest.mark.parametrize("chain", HARMLESS.values(), ids=HARMLESS)
def test_rule_that_is_not_refused_is_shown(chain):
    assert len(warned(chain)) == 1


def test_refusal_says_whose_rule_it_is_where_it_stands_what_it_does_and_how_to_see_it():
    (said,) = refused(other("-s 10.9.0.0/16 -j ACCEPT", MASK))
    assert said == (
        "iptables-legacy's table nat holds rules that iptables-nft does not show, and POSTROUTING 2 may give pod "
        f"traffic to 172.7.0.0/16 another source: {MASK}; take it away first: iptables-legacy-save -t nat shows it"
    )


def test_link_local_destinations_that_the_spec_names_must_keep_the_source():
    masked = other("-d 169.254.0.0/16 -j MASQUERADE")
    (said,) = refused(masked, ip_masq="{non_masquerade_cidrs: [169.254.0.0/16]}")
    assert "POSTROUTING 1 may give pod traffic to 169.254.0.0/16 another source" in said


def test_packets_to_the_own_pods_do_not_leave_by_another_device_though_the_spec_names_their_prefix():
    masked = other("-d 172.7.21.0/25 ! -o docker0 -j MASQUERADE")
    assert refused(masked, ip_masq="{non_masquerade_cidrs: [172.7.21.0/25]}") == []


def test_refusal_is_of_a_rule_that_touches_what_the_spec_names_whatever_stands_before():
    (said,) = refused(other("-d 169.254.0.0/16 -j MASQUERADE", "-d 172.7.22.0/24 -j MASQUERADE"))
    assert "POSTROUTING 2 may give pod traffic to 172.7.0.0/16 another source" in said


def test_refusal_names_the_rule_below_a_jump():
    (said,) = refused(other("-j BELOW"), below("-s 10.9.0.0/16 -j RETURN", "-j MASQUERADE"))
    assert "and BELOW 2 may give pod traffic to 172.7.0.0/16 another source: -j MASQUERADE;" in said


def test_rule_of_nft_is_followed_below_a_jump_in_its_own_table_only():
    base = other("-j BELOW", table="inet x", owner=Owner.NFTABLES, nat=True)
    assert refused(base, below(table="inet x", owner=Owner.NFTABLES), below(MASK, table="inet y")) == []


def test_rule_is_named_at_the_place_and_in_the_words_in_which_its_program_shows_it():
    base = other(
        "-s 10.9.9.9 -j ACCEPT", "! -d 10.9.9.9 -m addrtype ! --dst-type LOCAL -j DROP", table="raw", name="PREROUTING"
    )
    (said,) = refused(replace(base, length=1, chain=replace(base.chain, rules=base.chain.rules[1:])))
    named = "PREROUTING 1 may refuse pod traffic to 172.7.0.0/16 and the outside: "
    assert f"{named}! -d 10.9.9.9/32 -m addrtype ! --dst-type LOCAL -j DROP;" in said


def test_chain_that_podnet_left_in_the_other_backend_is_refused_with_the_way_out():
    (said,) = refused(below(name="PODNET-POSTROUTING"))
    assert said == (
        "iptables-legacy's table nat still holds podnet's own chain PODNET-POSTROUTING, though iptables is "
        "iptables-nft now: podnet remove takes it away, and then this can be applied"
    )


TUNNELLED: Final[Mapping[int, Mapping[str, str | None]]] = {
    4: {"backend": "{type: vxlan}"},
    6: {"backend": "{type: vxlan}", "network": None, "ipv6_network": "fd00:7::/48"},
}
NODES_6 = [
    f"{name}: {{ipv6_address: 'fd00:4::{number}/64', ipv6_subnet: 'fd00:7:0:{number}::/64'}}"
    for name, number in (("a", 21), ("b", 22))
]


@pytest.mark.parametrize(("version", "nodes", "network"), [(4, [], "172.7.0.0/16"), (6, NODES_6, "fd00:7::/48")])
def test_masquerade_on_a_tunnel_that_is_not_there_yet_is_refused(version, nodes, network):
    desired = make.desired(make.spec(*nodes, **TUNNELLED[version]))
    masked = other("-o podnet.1 -j MASQUERADE", version=version)
    (said,) = foreign_rules.refuse_foreign_rules(case(desired, make.snapshot("", masked)))
    assert f"POSTROUTING 1 may give pod traffic to {network} another source" in said


def test_policy_that_drops_is_named():
    (said,) = refused(other(table="filter", name="FORWARD", policy="DROP"))
    assert "FORWARD policy may refuse pod traffic" in said


def test_filter_of_nft_that_may_refuse_pod_traffic_is_warned_of_by_its_rule():
    (said,) = warned(other("-j REJECT", table="inet x", name="f", owner=Owner.NFTABLES, hook="forward", nat=False))
    assert "nft's table inet x" in said and "f 1 may refuse pod traffic" in said  # noqa: PT018


def test_chains_of_a_table_are_shown_in_one_line():
    input_chain = other("-j ACCEPT", "-j DROP", table="filter", name="INPUT", policy="DROP")
    (said,) = warned(input_chain, other("-j ACCEPT", table="filter", name="OUTPUT"))
    assert said == (
        "iptables-legacy's table filter holds rules that iptables-nft does not show: "
        "INPUT (2 rules, policy DROP), OUTPUT (1 rule)"
    )


def test_masquerade_matters_only_where_podnet_masquerades():
    assert refused(other(MASK), ip_masq="{enabled: false}") == []


def test_refusal_of_forwarded_traffic_matters_only_where_podnet_accepts_it():
    assert refused(other("-j DROP", table="filter", name="FORWARD"), forward="none") == []


def test_refusal_of_the_outside_matters_only_where_podnet_accepts_it():
    drops = other("-d 198.51.100.0/24 -j DROP", table="filter", name="FORWARD")
    assert (len(refused(drops)), refused(drops, forward="pods")) == (1, [])


def test_nothing_beside_keeps_podnet_on_a_node():
    spec = make.spec()
    leaving = compile_removal(spec, spec.topology.by_name["a"])
    state = make.snapshot("", other(MASK))
    assert [
        *foreign_rules.refuse_foreign_rules(case(leaving, state)),
        *foreign_rules.warn_of_foreign_rules(case(leaving, state)),
    ] == []
