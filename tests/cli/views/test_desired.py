"""The desired state of nodes, as text and as JSON."""

from __future__ import annotations

import json
import re

from netplan.cli.views.desired import desired_json, desired_text
from tests import make


def test_what_a_node_should_have_is_listed_with_its_rules_and_reasons():
    lines = desired_text([make.desired(make.spec(firewall=make.REMOVE))]).plain.split("\n")
    assert lines[:2] == ["a", "  route    172.7.22.0/24 via 10.4.7.22 dev eth0  subnet of b  s.yaml:8"]
    assert "            -s 172.7.0.0/16 -j ACCEPT" in lines
    assert any(re.match(rf"  no rule  nat POSTROUTING: {re.escape(make.DOCKER_MASQUERADE)} ", line) for line in lines)


def test_what_a_node_should_have_is_json_with_all_of_it():
    data = json.loads(json.dumps(desired_json("c", [make.desired(make.spec(firewall=make.REMOVE))])))
    (node_json,) = data["nodes"]
    assert [entry["key"] for entry in node_json["objects"]] == [
        "172.7.22.0/24",
        "nat PODNET-POSTROUTING",
        "filter PODNET-FORWARD",
        "net.ipv4.ip_forward",
    ]
    assert (len(node_json["jumps"]), len(node_json["removals"])) == (2, 2)
