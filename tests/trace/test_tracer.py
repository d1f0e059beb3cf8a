from __future__ import annotations

import pytest

from netplan.kinds.chain.value import Chain, ChainKey
from netplan.kinds.foreign_chain.value import OtherChain, Owner
from netplan.kinds.snapshot import Snapshot
from netplan.trace import PacketVerdict
from tests import make
from tests.trace.states import outcome, rules, state, traced

OUTSIDE, POD, OTHER_POD, PEER_POD, NODE = "198.51.100.2", "172.7.21.2", "172.7.21.3", "172.7.22.2", "10.4.7.21"
TCP, UDP = 6, 17


def captured(name, **options):
    return state(make.capture(name), **options)


def where(result):
    return [step.at for step in result.steps]


class TestCaptures:
    def test_dockers_rule_hides_a_pod_from_pods_of_other_nodes(self):
        result = traced(captured("docker-20.10-start-nft.rules"), POD, PEER_POD)
        assert (str(result.source), where(result)[-1]) == (NODE, "nat POSTROUTING 1")

    def test_dockers_rule_leaves_pods_of_one_bridge_alone(self):
        assert str(traced(captured("docker-20.10-start-nft.rules"), POD, OTHER_POD).source) == POD

    def test_a_published_port_leads_to_its_container(self):
        snapshot = captured("docker-20.10-published-and-networks-nft.rules", routes=["172.7.22.2/32 dev docker0"])
        assert str(traced(snapshot, OUTSIDE, NODE, protocol=TCP, dport=8080).destination) == PEER_POD

    def test_flannel_keeps_a_pods_address_within_the_network(self):
        assert str(traced(captured("flannel-0.20.2-hostgw-ipmasq.rules"), POD, PEER_POD).source) == POD

    def test_flannel_hides_a_pod_from_the_outside(self):
        assert str(traced(captured("flannel-0.20.2-hostgw-ipmasq.rules"), POD, OUTSIDE).source) == NODE

    def test_the_cni_bridge_hides_a_pod_from_pods_of_other_nodes(self):
        result = traced(captured("cni-1.1.1-nft-bridge-ipmasq.rules"), POD, PEER_POD)
        assert (str(result.source), where(result)[-1]) == (NODE, "nat CNI-d8f89f003b3c9f238f5a19f6 2")

    def test_ip_masq_agent_rewrites_what_comes_from_outside_too(self):
        assert str(traced(captured("ip-masq-agent-head-custom.rules"), NODE, OUTSIDE).source) == NODE
        assert str(traced(captured("ip-masq-agent-head-custom.rules"), "10.4.7.22", OUTSIDE).source) == NODE

    def test_a_service_leads_to_one_of_its_pods_and_it_is_unknown_to_which(self):
        result = traced(
            captured("kube-proxy-1.30-iptables-nodeport.rules"), NODE, "192.168.0.100", protocol=TCP, dport=80
        )
        assert (result.verdict, result.destination) == (PacketVerdict.ACCEPT, None)
        assert result.doubt is not None
        assert "--mode random" in result.doubt.rule

    def test_a_service_of_one_endpoint_leads_there(self):
        snapshot = captured("kube-proxy-1.30-iptables-nodeport.rules")
        assert str(traced(snapshot, POD, "192.168.0.1", protocol=TCP, dport=443).destination) == "10.4.7.50"

    def test_a_node_port_from_outside_is_masqueraded_towards_its_pod(self):
        saved = make.capture("kube-proxy-1.30-iptables-nodeport.rules").replace("0.50000000000", "1.00000000000")
        result = outcome(state(saved), OUTSIDE, NODE, protocol=TCP, dport=30080)
        assert result == "accept 172.7.21.1 -> 172.7.21.2 dev docker0"

    def test_a_marked_packet_is_masqueraded_by_kube_proxy(self):
        snapshot = captured("kube-proxy-1.30-iptables-nodeport.rules")
        assert [str(traced(snapshot, POD, PEER_POD, mark=mark).source) for mark in (0, 0x4000)] == [POD, NODE]


class TestFilter:
    @pytest.mark.parametrize(("target", "verdict"), [("DROP", "drop"), ("REJECT", "reject"), ("ACCEPT", "accept")])
    def test_a_rule_of_forward_decides(self, target, verdict):
        assert traced(state(rules(f"filter FORWARD -j {target}")), POD, OUTSIDE).verdict == verdict

    def test_the_policy_decides_on_what_no_rule_decides(self):
        result = traced(state(rules("filter :FORWARD DROP")), POD, OUTSIDE)
        assert (result.verdict, where(result)) == (PacketVerdict.DROP, ["route", "filter FORWARD policy"])

    def test_what_is_for_the_node_does_not_pass_forward(self):
        assert traced(state(rules("filter FORWARD -j DROP")), POD, NODE).verdict == "accept"

    def test_what_is_for_the_node_passes_input(self):
        assert traced(state(rules("filter INPUT -j DROP")), POD, NODE).verdict == "drop"

    def test_what_the_node_sends_passes_output(self):
        assert traced(state(rules("filter OUTPUT -j DROP")), NODE, POD).verdict == "drop"

    def test_what_the_node_sends_itself_passes_output_and_input(self):
        snapshot = state(rules("filter INPUT -i lo -j DROP"))
        assert traced(snapshot, NODE, NODE).verdict == "drop"

    def test_bridged_packets_pass_forward_where_iptables_sees_them(self):
        snapshots = [
            state(rules("filter FORWARD -j DROP"), **{"net__bridge__bridge-nf-call-iptables": on}) for on in "10"
        ]
        assert [traced(snapshot, POD, OTHER_POD).verdict for snapshot in snapshots] == ["drop", "accept"]

    def test_a_kernel_that_has_not_the_setting_shows_no_bridged_packets_to_iptables(self):
        snapshot = state(rules("filter FORWARD -j DROP"), **{"net__bridge__bridge-nf-call-iptables": None})
        assert traced(snapshot, POD, OTHER_POD).verdict == "accept"

    def test_where_the_setting_was_not_read_it_is_unknown_if_it_matters(self):
        unknown = {"net__bridge__bridge-nf-call-iptables": None, "net__ipv4__conf__all__rp_filter": None}
        result = [
            traced(state(rules(line), **unknown), POD, OTHER_POD) for line in ("filter FORWARD -j DROP", "filter :X -")
        ]
        assert [result.verdict for result in result] == ["unknown", "accept"]


class TestNat:
    def test_accept_ends_the_walk_of_nat(self):
        snapshot = state(rules("nat POSTROUTING -j ACCEPT", "nat POSTROUTING -j MASQUERADE"))
        assert str(traced(snapshot, POD, OUTSIDE).source) == POD

    def test_return_from_a_chain_goes_on_behind_the_jump(self):
        snapshot = state(rules("nat POSTROUTING -j X", "nat POSTROUTING -j MASQUERADE", "nat :X -", "nat X -j RETURN"))
        assert str(traced(snapshot, POD, OUTSIDE).source) == NODE

    def test_masquerade_takes_the_address_in_the_prefix_of_the_next_hop(self):
        snapshot = state(
            rules("nat POSTROUTING -j MASQUERADE"),
            addresses=["10.9.0.1/24 eth0"],
            routes=["198.51.100.0/24 via 10.9.0.254 dev eth0"],
        )
        assert str(traced(snapshot, POD, OUTSIDE).source) == "10.9.0.1"

    def test_masquerade_does_not_take_a_secondary_address(self):
        snapshot = state(rules("nat POSTROUTING -j MASQUERADE"), addresses=["10.4.7.31/24 eth0"])
        assert str(traced(snapshot, POD, PEER_POD).source) == NODE

    def test_masquerade_does_not_care_for_the_source_of_the_route(self):
        snapshot = state(
            rules("nat POSTROUTING -j MASQUERADE"),
            routes=["198.51.100.0/24 via 10.4.7.254 dev eth0 src 172.7.21.1"],
        )
        assert str(traced(snapshot, POD, OUTSIDE).source) == NODE

    def test_of_several_addresses_to_rewrite_to_the_one_is_unknown(self):
        result = traced(state(rules("nat POSTROUTING -j SNAT --to-source 10.4.7.40-10.4.7.49")), POD, OUTSIDE)
        assert (result.verdict, result.source) == (PacketVerdict.ACCEPT, None)
        assert result.doubt is not None
        assert result.doubt.at == "nat POSTROUTING 1"

    def test_a_redirect_leads_to_the_node(self):
        snapshot = state(rules("nat PREROUTING -p tcp -j REDIRECT --to-ports 15001"))
        assert outcome(snapshot, POD, OUTSIDE, protocol=TCP, dport=80) == "accept 172.7.21.2 -> 172.7.21.1 dev lo"

    def test_what_is_sent_and_redirected_is_routed_again(self):
        snapshot = state(rules("nat OUTPUT -j DNAT --to-destination 172.7.21.2"))
        assert outcome(snapshot, NODE, OUTSIDE) == "accept 10.4.7.21 -> 172.7.21.2 dev docker0"

    def test_filter_sees_the_new_port(self):
        snapshot = state(
            rules(
                "nat PREROUTING -p tcp --dport 80 -j DNAT --to-destination :8080",
                "filter FORWARD -p tcp --dport 80 -j DROP",
            )
        )
        assert traced(snapshot, POD, OUTSIDE, protocol=TCP, dport=80).verdict == "accept"

    def test_an_untracked_packet_is_not_translated(self):
        snapshot = state(rules("raw PREROUTING -j CT --notrack", "nat POSTROUTING -j MASQUERADE"))
        assert str(traced(snapshot, POD, OUTSIDE).source) == POD

    def test_a_packet_that_may_go_back_to_its_sender_is_unknown(self):
        snapshot = state(rules(f"nat PREROUTING -j DNAT --to-destination {POD}"))
        assert traced(snapshot, POD, "192.168.0.1").verdict == "unknown"

    def test_what_is_sent_to_an_address_that_is_not_known_goes_an_unknown_way(self):
        snapshot = state(rules("nat OUTPUT -j DNAT --to-destination 10.9.0.1-10.9.9.9"))
        assert traced(snapshot, NODE, OUTSIDE).verdict == "unknown"

    def test_what_is_sent_and_redirected_is_refused_by_the_route_to_its_new_destination(self):
        snapshot = state(rules("nat OUTPUT -j DNAT --to-destination 10.9.0.1"), routes=["blackhole 10.9.0.0/16"])
        assert traced(snapshot, NODE, OUTSIDE).verdict == "drop"


class TestMarks:
    def test_a_mark_is_seen_by_the_tables_behind(self):
        snapshot = state(
            rules(
                "mangle FORWARD -j MARK --set-xmark 0x4000/0x4000",
                "nat POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE",
            )
        )
        assert str(traced(snapshot, POD, OUTSIDE).source) == NODE

    def test_a_new_connection_has_no_mark(self):
        snapshot = state(
            rules("mangle PREROUTING -j CONNMARK --restore-mark", "filter FORWARD -m mark ! --mark 0 -j DROP")
        )
        assert traced(snapshot, POD, OUTSIDE, mark=1).verdict == "accept"

    def test_a_mark_is_saved_and_restored(self):
        snapshot = state(
            rules(
                "mangle PREROUTING -j MARK --set-mark 0x3",
                "mangle PREROUTING -j CONNMARK --save-mark",
                "mangle PREROUTING -j MARK --set-mark 0",
                "mangle FORWARD -j CONNMARK --restore-mark",
                "filter FORWARD -m mark --mark 0x3 -j DROP",
            )
        )
        assert traced(snapshot, POD, OUTSIDE).verdict == "drop"


class TestUnknown:
    LIMIT = "-m statistic --mode random --probability 0.5"

    def test_a_rule_that_may_drop_makes_the_verdict_unknown(self):
        result = traced(state(rules(f"filter FORWARD {self.LIMIT} -j DROP")), POD, OUTSIDE)
        assert (result.verdict, where(result)) == (PacketVerdict.UNKNOWN, ["route", "filter FORWARD 1"])

    def test_the_rule_that_made_it_unknown_is_the_doubt(self):
        result = traced(state(rules("filter FORWARD -j LOG", f"filter FORWARD {self.LIMIT} -j DROP")), POD, OUTSIDE)
        assert result.doubt == result.steps[-1]

    def test_what_is_the_same_either_way_is_known(self):
        snapshot = state(rules(f"filter FORWARD {self.LIMIT} -j ACCEPT", "filter FORWARD -j ACCEPT"))
        result = traced(snapshot, POD, OUTSIDE)
        assert (result.verdict, result.doubt) == (PacketVerdict.ACCEPT, None)

    def test_a_mark_that_may_be_set_matters_only_where_it_is_asked_for(self):
        marking = f"mangle FORWARD {self.LIMIT} -j MARK --set-mark 1"
        asking = "filter FORWARD -m mark --mark 1 -j DROP"
        results = [traced(state(rules(*lines)), POD, OUTSIDE) for lines in ([marking], [marking, asking])]
        assert [result.verdict for result in results] == ["accept", "unknown"]

    @pytest.mark.parametrize(
        "rule", ["-j NFQUEUE --queue-num 0", "-m bpf --object-pinned x -j DROP", "-m set --match-set x src -j DROP"]
    )
    def test_what_is_not_understood_is_unknown(self, rule):
        assert traced(state(rules(f"filter FORWARD {rule}")), POD, OUTSIDE).verdict == "unknown"

    def test_a_source_that_is_not_known_does_not_hide_the_verdict(self):
        result = traced(state(rules(f"nat POSTROUTING {self.LIMIT} -j MASQUERADE")), POD, OUTSIDE)
        assert (result.verdict, result.source, result.oif) == (PacketVerdict.ACCEPT, None, "eth0")

    def test_a_port_that_is_not_known_makes_a_rule_for_ports_unknown(self):
        snapshot = state(rules("filter FORWARD -p tcp --dport 80 -j DROP"))
        assert traced(snapshot, POD, OUTSIDE, protocol=TCP).verdict == "unknown"

    def test_chains_that_lead_into_themselves_are_unknown(self):
        snapshot = state(rules("filter :X -", "filter X -j X", "filter FORWARD -j X"))
        assert traced(snapshot, POD, OUTSIDE).verdict == "unknown"

    def test_many_marks_that_may_be_set_do_not_take_for_ever(self):
        marks = [f"mangle FORWARD {self.LIMIT} -j MARK --or-mark {1 << bit}" for bit in range(32)]
        assert traced(state(rules(*marks)), POD, OUTSIDE).verdict == "accept"


class TestBeside:
    def with_others(self, *others):
        snapshot = state()
        return Snapshot(snapshot.backend, {**snapshot.objects, OtherChain: others})

    def chain(self, hook, *texts, nat=False, length=None, owner=Owner.LEGACY):
        key = ChainKey(4, "nat" if nat else "filter", hook.upper())
        chain = Chain(key, make.rules(*texts), "ACCEPT")
        return OtherChain(owner, chain, hook, nat, len(texts) if length is None else length)

    def test_rules_beside_that_do_nothing_to_a_packet_do_not_matter(self):
        snapshot = self.with_others(self.chain("postrouting", "-s 192.168.122.0/24 -j MASQUERADE", nat=True))
        assert outcome(snapshot, POD, OUTSIDE) == "accept 172.7.21.2 -> 198.51.100.2 dev eth0 via 10.4.7.254"

    def test_a_rule_beside_that_drops_a_packet_drops_it(self):
        result = traced(self.with_others(self.chain("forward", "-s 172.7.0.0/16 -j DROP")), POD, OUTSIDE)
        assert (result.verdict, where(result)[-1]) == (PacketVerdict.DROP, "iptables-legacy filter FORWARD 1")

    def test_a_rule_beside_rewrites_a_packet_as_one_of_this_iptables_does(self):
        snapshot = self.with_others(self.chain("postrouting", "-j MASQUERADE", nat=True))
        assert outcome(snapshot, POD, OUTSIDE) == "accept 10.4.7.21 -> 198.51.100.2 dev eth0 via 10.4.7.254"

    def test_foreign_rules_that_were_not_read_make_it_unknown(self):
        snapshot = self.with_others(self.chain("input", length=3, owner=Owner.NFTABLES))
        assert [traced(snapshot, POD, to).verdict for to in (NODE, OUTSIDE)] == ["unknown", "accept"]


class TestJson:
    def test_a_trace_as_json_has_the_keys_of_the_contract(self):
        data = traced(captured("docker-20.10-start-nft.rules"), POD, PEER_POD).to_json()
        assert {**data, "steps": data["steps"][-1]} == {
            "verdict": "accept",
            "source": "10.4.7.21",
            "destination": "172.7.22.2",
            "oif": "eth0",
            "next_hop": "10.4.7.22",
            "steps": {
                "at": "nat POSTROUTING 1",
                "rule": "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE",
                "effect": "source 172.7.21.2 -> 10.4.7.21",
            },
        }

    def test_a_trace_without_steps_is_the_same_but_for_them(self):
        result = traced(state(), POD, PEER_POD)
        assert {**result.to_json(steps=False), "steps": []} == {**result.to_json(), "steps": []}
