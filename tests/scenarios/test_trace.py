"""The verb `trace` on a node: through its kernel, and through what it will hold after the plan."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.podnet import process
from tests.scenarios.tools import as_default


@pytest.fixture
def trace(node):
    """Trace a packet on the node, and give the answer."""

    def run(*words):
        done = node.podnet("trace", node.spec, "--node", node.name, "--format", "json", *words)
        assert done.code == 0, done.stderr
        return json.loads(done.stdout)

    return run


FROM_POD_TO_POD = ("--from", "172.7.21.2", "--to", "172.7.22.2", "--live")


def test_live_trace_names_the_rule_that_hides_the_pod(trace):
    assert trace(*FROM_POD_TO_POD)["steps"][-1]["rule"] == "-s 172.7.21.0/24 ! -o docker0 -j MASQUERADE"


def test_planned_trace_says_what_is_so_after_the_apply(node, trace):
    planned = trace(*FROM_POD_TO_POD, "--planned")
    node.apply()
    assert trace(*FROM_POD_TO_POD) == planned


def test_trace_of_a_record_is_that_of_the_kernel(node, trace, tmp_path):
    start = as_default(tmp_path, node.backend)
    record = tmp_path / "state/hdss7/hdss7-21.json"
    record.parent.mkdir(parents=True)
    assert process(node.lab, node.name, "capture", "--out", record, before=start).code == 0
    assert trace(*FROM_POD_TO_POD[:4], "--state", tmp_path / "state") == trace(*FROM_POD_TO_POD)


@pytest.mark.parametrize("backend", ["legacy"], indirect=True)
def test_a_trace_creates_no_table(node, trace):
    before = node.shell("cat /proc/net/ip_tables_names")
    trace(*FROM_POD_TO_POD)
    assert node.shell("cat /proc/net/ip_tables_names") == before


@pytest.fixture
def ruled(node):
    """The node with a rule of policy routing and a set that a rule asks, until the test ends."""
    node.shell("ip rule add from 172.7.21.0/24 to 198.51.100.0/24 lookup 100 pref 500; ipset create blocked hash:ip")
    node.shell("ip route add default via 10.4.7.22 table 100; ipset add blocked 172.7.21.3")
    node.iptables("-I FORWARD -m set --match-set blocked src -j DROP")
    yield node
    node.reset()
    node.shell("ip rule del pref 500; ip route flush table 100; ipset destroy blocked")


def test_the_rule_of_policy_routing_that_decided_is_a_step(ruled, trace):
    result = trace("--from", "172.7.21.2", "--to", "198.51.100.2", "--live")
    assert result["next_hop"] == "10.4.7.22"
    rule = "from 172.7.21.0/24 to 198.51.100.0/24 lookup 100"
    assert {"at": "policy rule 500", "rule": rule, "effect": "looked up in table 100"} in result["steps"]


def test_who_is_in_a_set_is_known(ruled, trace):
    verdicts = [trace("--from", pod, "--to", "172.7.22.2", "--live")["verdict"] for pod in ("172.7.21.2", "172.7.21.3")]
    assert verdicts[1] == "drop"
    assert verdicts[0] != "unknown"


def test_what_a_plan_leads_to_keeps_rules_of_routing_and_sets(ruled, trace):
    planned = [
        trace("--from", pod, "--to", "198.51.100.2", "--live", "--planned") for pod in ("172.7.21.2", "172.7.21.3")
    ]
    assert (planned[0]["next_hop"], planned[1]["verdict"]) == ("10.4.7.22", "drop")
