"""A saved plan is applied as it was reviewed, or not at all."""

from __future__ import annotations

import json

import pytest

from netplan.planning.fingerprint import digest

pytestmark = pytest.mark.checkered

HAIRPIN = "-t nat -A POSTROUTING -s 172.7.21.2/32 -d 172.7.21.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE"


@pytest.fixture
def saved(node, tmp_path):
    """A plan of the node, saved."""
    path = tmp_path / "plan.json"
    assert node.podnet("plan", node.spec, "--live", "--out", path).code == 0
    return path


@pytest.fixture
def apply(node, saved):
    """Apply the saved plan."""
    return lambda: node.podnet("apply", saved, "--yes")


def test_saved_plan_is_applied(node, apply):
    assert (apply().code, node.drift().code) == (0, 0)


def test_saved_plan_does_what_an_apply_of_the_spec_does(node, apply):
    node.apply()
    by_spec = node.state()
    node.reset()
    apply()
    assert node.state() == by_spec


def test_saved_plan_is_shown_again_with_what_it_does_to_traffic(node, saved, apply):
    assert apply().stdout == node_plan(node, saved)


def test_traffic_that_was_broken_since_a_plan_was_saved_is_said(node, apply):
    node.iptables("-t raw -A PREROUTING -s 172.7.22.0/24 -j DROP")
    done = apply()
    said = " ".join(done.stdout.split())
    assert (done.code, "! traffic pod on hdss7-22 -> pod here dropped now: raw PREROUTING 1" in said) == (0, True)


def test_saved_plan_of_another_node_is_refused(node, peer, saved):
    assert peer.podnet("apply", saved, "--node", "hdss7-21", "--yes").code == 3


def node_plan(node, saved):
    """Return the text of a plan as `plan` printed it when it saved it."""
    node.reset()
    return node.podnet("plan", node.spec, "--live").stdout


STALE = [
    pytest.param("-t nat -D POSTROUTING 2", "the first rules of nat POSTROUTING", id="the rule to be removed is gone"),
    pytest.param(
        "-t nat -I POSTROUTING -s 192.0.2.0/24 -j ACCEPT",
        "the first rules of nat POSTROUTING",
        id="a rule stands before it",
    ),
    pytest.param("-I FORWARD -s 192.0.2.0/24 -j DROP", "the rules of filter FORWARD", id="a rule came on top"),
    pytest.param("-t nat -N PODNET-POSTROUTING", "chain nat PODNET-POSTROUTING", id="a chain of ours has appeared"),
]


@pytest.mark.parametrize("rule", [pytest.param(case.values[0], id=case.id) for case in STALE])
def test_stale_plan_is_refused(node, apply, rule):
    node.iptables(rule)
    assert apply().code == 3


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize(("rule", "part"), STALE)
def test_stale_plan_says_what_has_changed(node, apply, rule, part):
    node.iptables(rule)
    assert part in apply().stderr


def test_stale_plan_changes_nothing(node, apply):
    node.iptables("-t nat -D POSTROUTING 2")
    before = node.state()
    apply()
    assert node.state() == before


def test_plan_is_stale_once_it_has_been_applied(apply):
    apply()
    assert apply().code == 3


def test_route_that_has_appeared_makes_a_plan_stale(node, apply):
    node.shell("ip route add 172.7.22.0/24 via 10.4.7.254 proto static")
    assert "route 172.7.22.0/24: now 172.7.22.0/24 via 10.4.7.254 dev eth0" in apply().stderr


UNRELATED = [
    pytest.param(HAIRPIN, id="docker publishes a port"),
    pytest.param("-t nat -N STRANGER", id="a chain appears"),
    pytest.param("-A INPUT -p tcp --dport 443 -j ACCEPT", id="a rule of another chain appears"),
]


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize("rule", UNRELATED)
def test_unrelated_change_leaves_a_plan_fresh(node, apply, rule):
    node.iptables(rule)
    assert apply().code == 0


@pytest.mark.parametrize("rule", UNRELATED)
def test_unrelated_change_is_still_there_after_the_apply(node, apply, rule):
    before = set(node.rules().splitlines())
    node.iptables(rule)
    added = set(node.rules().splitlines()) - before
    apply()
    assert added <= set(node.rules().splitlines())


FRESH = [
    pytest.param("ip route add 192.0.2.0/24 via 10.4.7.254 proto static", id="a route to another prefix"),
    pytest.param("ip route add 172.7.22.0/24 via 10.4.7.254 proto static metric 50", id="a route of another metric"),
    pytest.param("ip route replace default via 10.4.7.253 proto dhcp metric 9", id="a default route"),
    pytest.param("ip address add 198.51.100.9/24 dev docker0", id="an address on another device"),
    pytest.param("ip address add 198.51.100.9/24 dev eth0", id="another address on the device of the routes"),
    pytest.param("ip link add extra type bridge", id="a device appears"),
    pytest.param(
        "ip link add extra type bridge; ip link set extra name other; ip link set other up", id="a device is renamed"
    ),
    pytest.param("$iptables -t nat -A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE", id="a MASQUERADE behind our jump"),
    pytest.param("$iptables -t nat -A DOCKER -p tcp --dport 80 -j DNAT --to 172.7.21.2:80", id="a destination"),
    pytest.param("$iptables -A DOCKER -d 172.7.21.2 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT", id="a port"),
    pytest.param("$iptables -t mangle -A PREROUTING -s 192.0.2.1 -j MARK --set-mark 1", id="a rule of another table"),
    pytest.param("$iptables -t nat -N DOCKER-NEW", id="a chain of docker's"),
    pytest.param("$iptables -P INPUT ACCEPT; sysctl -q net.ipv4.conf.all.log_martians=1", id="another sysctl"),
]

UNDO = """
ip link del extra 2>/dev/null || true
ip link del other 2>/dev/null || true
ip address del 198.51.100.9/24 dev docker0 2>/dev/null || true
ip address del 198.51.100.9/24 dev eth0 2>/dev/null || true
ip route del default metric 9 2>/dev/null || true
"""


@pytest.fixture
def meddle(node):
    """Run a script on the node as another program would; links and addresses are as before in the end."""
    default = node.shell("ip route show default")
    yield lambda script: node.shell(f"iptables=iptables-{node.backend}; {script}")
    node.shell(f"{UNDO}ip route replace {default}")


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize("script", FRESH)
def test_plan_stays_fresh_whatever_else_happens(meddle, apply, script):
    meddle(script)
    done = apply()
    assert (done.code, done.stderr.count("stale")) == (0, 0)


REWRITES = "$iptables -t nat -I KUBE-POSTROUTING -s 172.7.0.0/16 -j MASQUERADE"
RENAMED = "ip link set {0} down; ip link set {0} name {1}; ip link set {1} up"
NARROWED = "ip address del 10.4.7.21/{0} dev eth0; ip address add 10.4.7.21/{1} dev eth0"


@pytest.fixture(
    params=[
        pytest.param(
            (RENAMED, "eth0", "eth9", "interface eth0: now not there"), id="the device of the routes is renamed"
        ),
        pytest.param((NARROWED, "24", "32", "interface eth0: now no address towards"), id="the next hop is off-link"),
        pytest.param((REWRITES, "", "", "chain nat KUBE-POSTROUTING: now"), id="a chain before our jump rewrites"),
    ]
)
def ground(request, node, saved, meddle):
    """What a saved plan no longer stands on, as it should be said."""
    script, before, after, part = request.param
    meddle(script.format(before, after))
    yield part
    if before:
        meddle(script.format(after, before))


def test_plan_is_stale_once_its_ground_has_gone(node, saved, ground):
    done = node.podnet("apply", saved, "--yes", "--node", node.name)
    assert (done.code, ground in done.stderr) == (3, True)


def test_plan_of_another_node_is_refused(node, peer, saved):
    assert peer.podnet("apply", saved, "--yes", "--node", "hdss7-22").code == 2


def change(kind, action="create"):
    """Make a function that finds a change of a plan."""
    return lambda plan: next(
        entry for entry in plan["nodes"][0]["changes"] if (entry["kind"], entry["action"]) == (kind, action)
    )


def foreign_route(plan):
    change("route")(plan)["after"]["protocol"] = 4


def gone_route(plan):
    route = change("route")(plan)
    route["before"], route["after"] = {**route["after"], "dst": "0.0.0.0/0", "protocol": 3}, None


def adopted_route(plan):
    route = change("route")(plan)
    route["before"] = {**route["after"], "protocol": 4}


def two_lines(plan):
    change("chain")(plan)["after"]["rules"][0] = "-j ACCEPT\n-A INPUT -j ACCEPT"


def rule_of_two_lines(plan):
    change("rule")(plan)["after"]["rule"] += "\nCOMMIT\n*filter\n-F"


def chain_of_two_lines(plan):
    change("rule")(plan)["after"]["chain"] = "INPUT\n-F INPUT"


def table_of_two_lines(plan):
    change("chain")(plan)["after"]["table"] = "nat\n-F"


def foreign_chain(plan):
    change("chain")(plan)["after"]["chain"] = "DOCKER"


def emptied_chain(plan):
    chain = change("chain")(plan)
    chain["before"], chain["after"] = {**chain["after"], "chain": "DOCKER"}, None


def foreign_rule(plan):
    change("rule")(plan)["after"]["rule"] = "-j ACCEPT"


def sysctl(name):
    def put(plan):
        reason = {"text": "sysctl", "at": None}
        after = {"name": name, "value": "1"}
        plan["nodes"][0]["changes"].append(
            {"action": "create", "kind": "sysctl", "key": name, "before": None, "after": after, "reason": reason}
        )

    return put


TAMPERED = [
    pytest.param(foreign_route, id="a route of another protocol"),
    pytest.param(gone_route, id="the default route is deleted"),
    pytest.param(adopted_route, id="a route of another protocol is replaced"),
    pytest.param(two_lines, id="a line break in a rule of a chain"),
    pytest.param(rule_of_two_lines, id="a line break in a rule"),
    pytest.param(chain_of_two_lines, id="a line break in the name of a chain"),
    pytest.param(table_of_two_lines, id="a line break in the name of a table"),
    pytest.param(foreign_chain, id="a chain of another program"),
    pytest.param(emptied_chain, id="a chain of another program is deleted"),
    pytest.param(foreign_rule, id="a rule that is no jump of ours"),
    pytest.param(sysctl("../../tmp/x"), id="a sysctl above the folder of sysctls"),
    pytest.param(sysctl("net././/.//.tmp.x"), id="a sysctl with dots written as slashes"),
    pytest.param(sysctl(".tmp.x"), id="a sysctl with an absolute path"),
    pytest.param(sysctl("kernel.core_pattern"), id="a sysctl that is none of the network's"),
    pytest.param(lambda plan: plan.update(format_version="2.0"), id="another format"),
    pytest.param(lambda plan: plan.pop("nodes"), id="no nodes"),
    pytest.param(lambda plan: plan["nodes"][0].update(backend="pf"), id="another packet filter"),
]


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize("tamper", TAMPERED)
def test_tampered_plan_is_no_plan(saved, apply, tamper):
    plan = json.loads(saved.read_text())
    tamper(plan)
    saved.write_text(json.dumps(plan))
    assert apply().code == 2


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
@pytest.mark.parametrize("tamper", TAMPERED)
def test_tampered_plan_changes_nothing(node, saved, apply, tamper):
    plan = json.loads(saved.read_text())
    tamper(plan)
    saved.write_text(json.dumps(plan))
    before = node.state()
    apply()
    assert node.state() == before


@pytest.mark.parametrize("backend", ["nft"], indirect=True)
def test_a_forged_mark_deletes_no_device_of_another_program(node, saved, apply):
    node.shell("ip link add stranger type veth peer name other")
    (link,) = [link for link in json.loads(node.podnet("capture").stdout)["links"] if link["name"] == "stranger"]
    plan = json.loads(saved.read_text())
    reason = {"text": "ours, and no longer wanted", "at": None}
    change = {"action": "delete", "kind": "link", "key": "stranger", "before": {**link, "alias": "podnet"}}
    plan["nodes"][0]["changes"].append({**change, "after": None, "fields": [], "reason": reason})
    plan["nodes"][0]["depends"]["link stranger"] = digest(link)
    saved.write_text(json.dumps(plan))
    done = apply()
    there = node.shell("ip link show stranger && ip link del stranger")
    assert (done.code, "stranger" in there, "changes what is not podnet's" in done.stderr) == (3, True, True)
