"""What one node should have: which parameters are wanted, and what is looked at to plan for it."""

from __future__ import annotations

from msgspec.structs import replace

from netplan.desired.compile import compile_removal
from netplan.kinds.chain.value import ChainKey
from netplan.kinds.sysctl.originals import Overwritten
from tests import make
from tests.spec.test_families import DUAL, A, B

OVERWRITTEN = (Overwritten("net.ipv4.tcp_ecn", "0", "1"),)


def test_the_parameters_that_a_spec_wants_are_those_that_it_says_and_those_that_routing_needs():
    wanted = make.desired(make.spec(sysctl="{net.ipv4.tcp_ecn: 1}"))
    assert wanted.sysctls == {"net.ipv4.ip_forward", "net.ipv4.tcp_ecn"}


def test_what_podnet_wrote_before_is_looked_at_whether_it_is_wanted_or_not():
    wanted = replace(make.desired(), overwritten=OVERWRITTEN)
    assert wanted.interest.sysctls == {"net.ipv4.ip_forward", "net.ipv4.tcp_ecn"}


def test_the_chains_of_rules_that_are_to_go_are_looked_at():
    removing = make.desired(make.spec(firewall='{remove: [{table: raw, rule: "-A X -j DROP"}]}'))
    assert ChainKey(4, "raw", "X") in removing.interest.chains


def test_where_forwarding_of_ipv6_is_wanted_it_is_looked_at_whether_routers_are_still_believed():
    assert "net.ipv6.conf.eth0.accept_ra" in make.desired(make.spec(A, B, **DUAL)).interest.sysctls


def test_where_podnet_leaves_the_tables_are_searched_for_rules_that_lead_into_ours():
    spec = make.spec()
    leaving = replace(compile_removal(spec, spec.topology.nodes[0]), overwritten=OVERWRITTEN)
    assert leaving.interest.searched == {"nat", "filter"}
    assert "net.ipv4.tcp_ecn" in leaving.interest.sysctls


def test_the_ports_of_a_tunnel_are_looked_at():
    assert make.desired(make.spec(backend="{type: vxlan, port: 4789}")).interest.ports == {4789}
