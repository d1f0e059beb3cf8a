"""Apply makes the node what the plan says, once, and touches nothing of other programs'."""

from __future__ import annotations

from netplan.operations import request
from tests.lab.inside import inside
from tests.scenarios.podnet import run

REMOVED = (
    "-A POSTROUTING -s 172.7.21.0/24 ! -o docker0 -j MASQUERADE",
    "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
)
STRANGERS = """*filter
:LIBVIRT_FWO - [0:0]
-A FORWARD -m comment --comment "a \\"quoted\\" word" -j LIBVIRT_FWO
-A LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -m limit --limit 5/min --limit-burst 7 -j LOG --log-prefix "out: "
-A LIBVIRT_FWO -p tcp -m multiport --dports 80,443,8000:8100 -m conntrack --ctstate NEW -j RETURN
COMMIT
*mangle
-A POSTROUTING -p udp -m udp --dport 68 -j CHECKSUM --checksum-fill
COMMIT
*nat
:CNI-HOSTPORT-MASQ - [0:0]
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
-A POSTROUTING -s 172.7.21.2/32 -d 172.7.21.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
COMMIT
"""


def without_ours(rules):
    return [line for line in rules.splitlines() if "PODNET-" not in line]


def test_plan_has_changes_before_an_apply(node):
    assert node.podnet("plan", node.spec, "--live", "--exit-code").code == 1


def test_plan_is_empty_after_an_apply(applied):
    assert applied.podnet("plan", applied.spec, "--live", "--exit-code").code == 0


def test_apply_does_what_the_plan_says(node):
    planned = node.podnet("plan", node.spec, "--live").stdout
    assert node.apply().stdout == planned


def test_plan_changes_nothing(node):
    before = node.state()
    node.podnet("plan", node.spec, "--live")
    assert node.state() == before


def test_second_apply_changes_nothing(applied):
    before = applied.state()
    applied.apply()
    assert applied.state() == before


def test_second_apply_says_so(applied):
    assert applied.apply().stdout == "No changes. hdss7-21: in sync.\n"


def test_foreign_rules_are_byte_for_byte_as_before_but_those_that_the_spec_removes(node):
    node.shell("iptables-$1-restore --noflush", node.backend, text=STRANGERS)
    before = without_ours(node.rules())
    node.apply()
    assert without_ours(node.rules()) == [line for line in before if line not in REMOVED]


def test_apply_adds_routes_and_no_other_is_touched(node):
    node.shell("ip route add 192.0.2.0/24 via 10.4.7.254 proto static metric 7")
    before = node.state().routes
    node.apply()
    ours = "172.7.22.0/24 via 10.4.7.22 dev eth0 proto 112 "
    assert [line for line in node.state().routes.splitlines() if line != ours] == before.splitlines()


def test_apply_leaves_the_other_packet_filter_alone(node):
    other = "legacy" if node.backend == "nft" else "nft"
    node.apply()
    assert getattr(node.state(), other) == ""


def _mistaken(words):
    """Run podnet with a mistake in what follows an apply."""

    def mistaken(*_, **__):
        raise TypeError("a mistake")

    vars(request)["stale_connections"] = mistaken
    return run(words)


def test_a_mistake_after_an_apply_is_not_told_as_if_nothing_was_changed(node):
    done = inside(node.lab, node.name, _mistaken, ["apply", str(node.spec), "--yes"])
    assert (done.code, "The node was changed before that" in done.stderr) == (5, True)


def test_a_mistake_where_nothing_changed_is_a_refusal(applied):
    done = inside(applied.lab, applied.name, _mistaken, ["apply", str(applied.spec), "--yes", "--flush-conntrack"])
    assert (done.code, "changed" in done.stderr) == (3, False)
