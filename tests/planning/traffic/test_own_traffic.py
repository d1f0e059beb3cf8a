"""Of the node's own traffic the spec wants nothing: what a plan does to it is told, and what it opens comes first."""

from __future__ import annotations

import pytest

from netplan.cli.views.lines import traffic_lines
from netplan.cli.views.markdown import plan_markdown
from netplan.cli.views.text import plan_text
from netplan.planning.plan import Source, in_full
from netplan.planning.traffic.classes import classes_of
from tests import make

SSH = "-p tcp -m tcp --dport 22 -j ACCEPT"
ESTABLISHED = "-m state --state RELATED,ESTABLISHED -j ACCEPT"
REFUSING = [f"-A INPUT {text}" for text in (ESTABLISHED, SSH, make.REJECT)]


def plan_of(rules, *removed):
    """Return the plan of node a, which has such rules and is to lose some."""
    removals = ", ".join(f'{{table: filter, rule: "{rule}"}}' for rule in removed)
    state = make.snapshot("\n".join(["*filter", *rules]), make.route("0.0.0.0/0", "10.4.7.254", protocol=4))
    desired = make.desired(make.spec(firewall=f"{{remove: [{removals}]}}"))
    return in_full(desired, state, Source.LIVE, classes_of(desired))


def planned(rules, *removed):
    """Return the lines about traffic in that plan."""
    return [*traffic_lines(plan_of(rules, *removed).effects)]


def own(lines):
    """Return the lines about the node itself."""
    return [
        (line.sign, line.kind, line.traffic, line.before, line.after, line.blame)
        for line in lines
        if line.traffic.startswith(("outside -> node", "node -> outside", "pod -> own node"))
    ]


def test_a_plan_that_takes_the_last_word_of_input_away_opens_the_node():
    assert own(planned(REFUSING, REFUSING[2])) == [
        ("!", "opens", "outside -> node (tcp 0-21,23-65535)", "rejected", "let in", ""),
        ("=", "traffic", "pod -> own node (tcp 0-21,23-65535)", "rejected", "let in", ""),
    ]


def test_a_port_that_is_opened_is_named():
    rules = [f"-A INPUT -p tcp -m tcp --dport {port} -j DROP" for port in (2375, 10250)]
    assert own(planned(rules, rules[0]))[0][1:5] == ("opens", "outside -> node (tcp 2375)", "dropped", "let in")


def test_a_rule_about_some_sources_that_goes_is_told_of_these():
    rule = "-A INPUT -s 9.9.9.0/24 -j DROP"
    assert [line[2] for line in own(planned([rule], rule))] == [
        "outside -> node, only from 9.9.9.0/24",
        "node -> outside, only to 9.9.9.0/24",
    ]


def test_what_the_node_sends_is_watched():
    rule = "-A OUTPUT -p udp -m udp --dport 53 -j DROP"
    assert own(planned([rule], rule)) == [
        ("=", "traffic", "node -> outside (udp 53)", "dropped", "source kept", ""),
    ]


@pytest.mark.parametrize("removed", [[], ["-A INPUT -s 10.1.2.3/32 -j DROP"]])
def test_of_what_stays_as_it_is_nothing_is_told(removed):
    assert own(planned([*REFUSING, *removed], *removed)) == []


OWN = ("outside -> node", "pod -> own node", "node -> outside")
DUAL = "a: {address: 10.4.7.21/24, subnet: 172.7.21.0/24, ipv6_subnet: 'fd00:7:0:21::/64'}"


def watched(*nodes, hook="INPUT", **keys):
    """Return the classes of the node's own traffic that are looked at where a rule of a chain is to go."""
    removal = f'{{remove: [{{table: filter, rule: "-A {hook} -j DROP"}}]}}'
    names = [traffic.traffic for traffic in classes_of(make.desired(make.spec(*nodes, firewall=removal, **keys)))]
    return tuple(name for name in names if name.removesuffix(" (IPv6)") in OWN)


@pytest.mark.parametrize(("hook", "names"), [("FORWARD", ()), ("INPUT", OWN)])
def test_the_nodes_own_packets_are_looked_at_where_a_rule_goes_that_they_may_meet(hook, names):
    assert watched(hook=hook) == names


def test_nodes_without_an_address_of_an_ip_version_have_no_traffic_of_it():
    assert watched(DUAL, ipv6_network="fd00:7::/48", backend="{type: vxlan}") == OWN


@pytest.mark.parametrize(
    ("view", "line"),
    [
        (lambda plans: plan_text(plans).plain, "  ! opens   outside -> node (tcp 0-21,23-65535)  rejected -> let in"),
        (plan_markdown, "! opens outside -> node (tcp 0-21,23-65535)  rejected -> let in"),
    ],
    ids=["text", "markdown"],
)
def test_what_a_plan_opens_stands_before_its_changes(view, line):
    lines = view(make.plans(plan_of(REFUSING, REFUSING[2]))).splitlines()
    assert lines.index(line) < min(number for number, text in enumerate(lines) if text.lstrip().startswith("- rule"))
