"""The verb `trace` on a node: through its kernel, and through what it will hold after the plan."""

from __future__ import annotations

import json

import pytest

from tests.netns.podnet import process
from tests.netns.tools import as_default


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
    assert process(node.lab, node.name, "capture", "--out", record, before=start).code == 0
    assert trace(*FROM_POD_TO_POD[:4], "--state", tmp_path / "state") == trace(*FROM_POD_TO_POD)


@pytest.mark.parametrize("backend", ["legacy"], indirect=True)
def test_a_trace_creates_no_table(node, trace):
    before = node.shell("cat /proc/net/ip_tables_names")
    trace(*FROM_POD_TO_POD)
    assert node.shell("cat /proc/net/ip_tables_names") == before
