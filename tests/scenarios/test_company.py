"""Rules beside this node's iptables: found, shown, and refused unless they can't touch pod traffic."""

from __future__ import annotations

import subprocess

import iptc
import pytest

from netplan.kinds.foreign_chain import legacy
from tests.lab.inside import inside
from tests.lab.probe import source_seen
from tests.scenarios import podnet
from tests.scenarios.node import Image
from tests.scenarios.tools import real

NFT_ONLY = pytest.mark.parametrize("backend", ["nft"], indirect=True)
LEGACY_ONLY = pytest.mark.parametrize("backend", ["legacy"], indirect=True)

MASQUERADE = "-t nat -A POSTROUTING -s 172.7.0.0/16 -j MASQUERADE"
REJECT = "-A FORWARD -j REJECT"
LIBVIRT = "-t nat -A POSTROUTING -s 192.168.122.0/24 -j MASQUERADE"
KUBE_PROXY = """*nat
:KUBE-POSTROUTING - [0:0]
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
COMMIT
"""
FIREWALLD = """
table inet firewalld {
    chain nat_POSTROUTING {
        type nat hook postrouting priority srcnat + 10
        jump nat_POSTROUTING_ZONES
    }
    chain nat_POSTROUTING_ZONES {
        oifname "eth0" goto nat_POST_public
    }
    chain nat_POST_public {
        jump nat_POST_public_allow
    }
    chain nat_POST_public_allow {
        %s
    }
    chain filter_INPUT {
        type filter hook input priority filter + 10
        ct state established,related accept
    }
}
"""
KUBE_PROXY_NFT = """
table ip kube-proxy {
    chain masquerading {
        mark and 0x4000 == 0 return
        meta mark set mark xor 0x4000
        masquerade fully-random
    }
    chain nat-postrouting {
        type nat hook postrouting priority srcnat
        jump masquerading
    }
}
"""
REFUSING = """
table inet strict {
    chain forwarded {
        type filter hook forward priority 5
        reject
    }
}
"""
FORWARDED_PORT = """
table ip mine {
    chain before {
        type nat hook prerouting priority dstnat
        tcp dport 80 dnat to 10.9.9.9
    }
}
"""

PUBLISHED = """
table inet netavark {
    chain before {
        type nat hook prerouting priority dstnat
        fib daddr type local jump ports
    }
    chain ports { tcp dport 8080 dnat ip to 10.88.0.2:80; }
}
"""


def other(node):
    """Return the backend that the node's iptables does not use."""
    return "legacy" if node.backend == "nft" else "nft"


def beside(node, rule):
    """Run the iptables of the other backend."""
    node.shell(f"iptables-{other(node)} {rule}")


def nft(node, rules):
    node.shell("nft -f -", text=rules)


@pytest.fixture
def masked(node):
    """A node in whose other backend a rule masks pod traffic."""
    beside(node, MASQUERADE)
    return node


def test_masquerade_in_the_other_backend_hides_the_pod_s_address_whatever_our_chain_accepts(applied, peer):
    peer.apply()
    beside(applied, MASQUERADE)
    assert source_seen(applied.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "10.4.7.21"


def test_masquerade_in_the_other_backend_is_refused(masked):
    assert masked.apply().code == 3


def test_masquerade_in_the_other_backend_is_named(masked):
    assert (
        f"iptables-{other(masked)}'s table nat holds rules that iptables-{masked.backend} does not show, "
        "and POSTROUTING 1 may give pod traffic to 172.7.0.0/16 another source: -s 172.7.0.0/16 -j MASQUERADE"
    ) in masked.apply().stderr


def test_masquerade_in_the_other_backend_leaves_the_state_as_it_was(masked):
    before = masked.state()
    masked.apply()
    assert masked.state() == before


def test_plan_shows_the_masquerade_in_the_other_backend(masked):
    assert "! refused: iptables-" in masked.podnet("plan", masked.spec, "--live").stdout


def test_masquerade_in_the_other_backend_counts_as_drift(applied):
    beside(applied, MASQUERADE)
    assert applied.drift().code == 1


def test_masquerade_in_the_other_backend_is_not_fixed(applied):
    beside(applied, MASQUERADE)
    assert applied.drift("--fix").code == 3


def test_masquerade_in_the_other_backend_counts_for_the_exit_code_of_a_plan(applied):
    beside(applied, MASQUERADE)
    assert applied.podnet("plan", applied.spec, "--live", "--exit-code").code == 1


def test_masquerade_in_the_other_backend_does_not_keep_podnet_on_the_node(applied):
    beside(applied, MASQUERADE)
    assert applied.remove().code == 0


def test_rule_below_a_jump_in_the_other_backend_is_named(node):
    beside(node, "-t nat -N DEEP")
    beside(node, "-t nat -A DEEP -s 172.7.21.0/24 -j MASQUERADE")
    beside(node, "-t nat -A POSTROUTING -j DEEP")
    assert "DEEP 1 may give pod traffic to 172.7.0.0/16 another source" in node.apply().stderr


def test_plan_from_a_record_refuses_what_the_record_holds(masked, tmp_path):
    record = tmp_path / "hdss7" / "hdss7-21.json"
    record.parent.mkdir(parents=True)
    masked.podnet("capture", "--out", record)
    planned = masked.podnet("plan", masked.spec, "--node", "hdss7-21", "--state", tmp_path).stdout
    assert "! refused: iptables-" in planned


def test_saved_plan_is_stale_when_rules_have_come_beside_it(node, tmp_path):
    saved = tmp_path / "plan.json"
    node.podnet("plan", node.spec, "--live", "--out", saved)
    beside(node, MASQUERADE)
    assert "the rules beside this iptables" in node.podnet("apply", saved, "--yes").stderr


def test_reject_in_the_other_backend_is_refused(node):
    beside(node, REJECT)
    assert "FORWARD 1 may refuse pod traffic" in node.apply().stderr


def test_destination_nat_of_pods_in_the_other_backend_is_refused(node):
    beside(node, "-t nat -A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.9.9.9")
    assert "PREROUTING 1 may send pod traffic to 172.7.0.0/16 elsewhere" in node.apply().stderr


def test_published_port_in_the_other_backend_is_let_be(node):
    beside(
        node, "-t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 80 -j DNAT --to-destination 172.7.21.2"
    )
    assert node.apply().code == 0


def test_masquerade_of_other_networks_in_the_other_backend_is_let_be(node):
    beside(node, LIBVIRT)
    assert node.apply().code == 0


def test_masquerade_of_other_networks_in_the_other_backend_is_shown(node):
    beside(node, LIBVIRT)
    shown = f"iptables-{other(node)}'s table nat holds rules that iptables-{node.backend} does not show: "
    assert shown + "POSTROUTING (1 rule)" in node.apply().stdout


def test_kube_proxy_in_the_other_backend_is_let_be(node):
    node.shell(f"iptables-{other(node)}-restore --noflush", text=KUBE_PROXY)
    assert node.apply().code == 0


def test_empty_tables_of_the_other_backend_are_nothing(applied):
    beside(applied, "-t nat -N EMPTY")
    assert applied.podnet("plan", applied.spec, "--live").stdout == "No changes. hdss7-21: in sync.\n"


@NFT_ONLY
def test_no_legacy_table_is_made_by_looking_for_it(node):
    before = node.shell("cat /proc/net/ip_tables_names")
    node.apply()
    assert node.shell("cat /proc/net/ip_tables_names") == before


def cover(path, source):
    """Let another file stand in a file's place, for this process and its children alone."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", str(source), path], check=True)


def hide_legacy():
    """Take the iptables-legacy programs away."""
    cover(real("iptables-legacy-save"), "/dev/null")


def without_legacy(words):
    hide_legacy()
    return podnet.run(words)


def with_another_iptc(words, source, limit=30.0):
    """Run podnet without iptables-legacy and with another python-iptables."""
    hide_legacy()
    cover(iptc.__file__, source)
    legacy.time_limit = limit
    return podnet.run(words)


@NFT_ONLY
def test_legacy_rules_are_read_by_python_iptables_where_there_is_no_program(masked):
    said = inside(masked.lab, masked.name, without_legacy, ["apply", str(masked.spec), "--yes"]).stderr
    assert "POSTROUTING 1 may give pod traffic to 172.7.0.0/16 another source: -s 172.7.0.0/16 -j MASQUERADE" in said


@NFT_ONLY
def test_python_iptables_changes_nothing(masked):
    before = masked.state()
    inside(masked.lab, masked.name, without_legacy, ["plan", str(masked.spec), "--live"])
    assert masked.state() == before


@NFT_ONLY
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ImportError", "pip install 'podnet[legacy-reader]'"),
        ("import os; os.abort()", "reading them ended with signal 6"),
        ("import time; time.sleep(60)", "did not end within"),
        ("raise OSError('no such extension')", "no such extension"),
    ],
    ids=["missing", "crashing", "hanging", "failing"],
)
def test_legacy_tables_that_nothing_can_read_are_refused(masked, tmp_path, source, said):
    (tmp_path / "iptc.py").write_text(source)
    words = ["plan", str(masked.spec), "--live"]
    done = inside(masked.lab, masked.name, with_another_iptc, words, tmp_path / "iptc.py", limit=1.0)
    assert (done.code, said in done.stderr) == (3, True)


MISREAD = {
    "a map of verdicts": "ip saddr 1.2.3.4 ip daddr vmap { 1.1.1.1 : accept }",
    "a set": "ip saddr { 1.2.3.4, 5.6.7.8 } accept",
    "a range": "ip saddr 1.2.3.4-1.2.3.9 accept",
    "an order": "ip saddr > 1.2.3.4 accept",
    "two conditions on one field": "ip saddr 1.2.3.4 ip saddr 5.6.7.8 accept",
    "two conditions on one device": 'oifname "lo" oifname "eth0" accept',
    "a write": "ip ttl set 5",
    "a concatenation": "ip saddr . ip daddr { 1.1.1.1 . 2.2.2.2 } accept",
}


@NFT_ONLY
@pytest.mark.parametrize("table", ["nat", "filter"])
@pytest.mark.parametrize("rule", MISREAD.values(), ids=MISREAD)
def test_rule_of_nft_that_iptables_would_print_as_another_is_refused(node, table, rule):
    hook = {"nat": "POSTROUTING", "filter": "FORWARD"}[table]
    node.shell(f"iptables-nft -t {table} -N FOO; iptables-nft -t {table} -A {hook} -j FOO")
    nft(node, f"add rule ip {table} FOO {rule}")
    done = node.apply()
    assert (done.code, f"table {table} can't be read safely" in done.stderr) == (3, True)


@NFT_ONLY
@pytest.mark.parametrize("chain", ["PREROUTING", "OUTPUT"])
def test_rule_of_nft_elsewhere_in_the_table_of_nat_is_refused(node, chain):
    nft(node, f"add rule ip nat {chain} ct state established accept")
    done = node.apply()
    assert (done.code, "table nat can't be read safely" in done.stderr) == (3, True)


@NFT_ONLY
def test_set_of_nft_in_a_chain_that_nothing_leads_to_is_refused(node):
    nft(node, "add chain ip nat unused; add rule ip nat unused ip saddr { 1.2.3.4, 1.2.3.5 } accept")
    assert "table nat can't be read safely: it holds nft's own set" in node.apply().stderr


def test_chain_of_nft_in_the_table_of_iptables_is_walked(node):
    nft(node, "add table ip nat; add chain ip nat mine { type nat hook postrouting priority 90; }")
    nft(node, "add rule ip nat mine masquerade")
    assert "nft's table ip nat holds rules" in node.apply().stderr


@LEGACY_ONLY
def test_rules_that_iptables_nft_can_t_read_are_walked_as_nft_s(node):
    nft(node, "add table ip nat; add chain ip nat POSTROUTING { type nat hook postrouting priority 100; }")
    nft(node, "add rule ip nat POSTROUTING ip saddr { 172.7.21.2, 172.7.21.3 } masquerade")
    assert "POSTROUTING 1 may give pod traffic to 172.7.0.0/16 another source: -s 172.7.21." in node.apply().stderr


def test_firewalld_that_masquerades_is_refused(node):
    nft(node, FIREWALLD % 'oifname != "lo" masquerade')
    assert node.apply().code == 3


def test_firewalld_that_masquerades_really_hides_the_pod_s_address(applied, peer):
    peer.apply()
    nft(applied, FIREWALLD % 'oifname != "lo" masquerade')
    assert source_seen(applied.lab, "hdss7-21-pod1", "hdss7-22-pod1") == "10.4.7.21"


@pytest.mark.parametrize(
    "text",
    [
        "nft's table inet firewalld",
        "nat_POST_public_allow 1 may give pod traffic to 172.7.0.0/16 another source: ! -o lo -j MASQUERADE",
        "nft list table inet firewalld shows it",
    ],
)
def test_firewalld_that_masquerades_is_named_with_the_command_that_shows_it(node, text):
    nft(node, FIREWALLD % 'oifname != "lo" masquerade')
    assert text in node.apply().stderr


def test_firewalld_that_does_not_masquerade_is_let_be(node):
    nft(node, FIREWALLD % "")
    assert node.apply().code == 0


def test_firewalld_that_masquerades_ipv6_only_is_let_be(node):
    nft(node, FIREWALLD % 'meta nfproto ipv6 oifname != "lo" masquerade')
    assert node.apply().code == 0


def test_firewalld_that_does_not_masquerade_is_shown(node):
    nft(node, FIREWALLD % "")
    shown = "nft's table inet firewalld holds rules that iptables-"
    assert shown in node.podnet("plan", node.spec, "--live").stdout


def test_kube_proxy_s_masquerade_by_nft_is_let_be(node):
    nft(node, KUBE_PROXY_NFT)
    assert node.apply().code == 0


def test_filter_of_nft_that_refuses_pod_traffic_is_warned_of(node):
    nft(node, REFUSING)
    done = node.apply()
    assert (done.code, "forwarded 1 may refuse pod traffic" in done.stdout) == (0, True)


def test_destination_nat_of_pods_by_nft_is_refused(node):
    nft(node, FORWARDED_PORT)
    assert "before 1 may send pod traffic to 172.7.0.0/16 elsewhere" in node.apply().stderr


def test_published_port_on_local_addresses_by_nft_is_let_be(node):
    nft(node, PUBLISHED)
    assert node.apply().code == 0


@pytest.fixture
def switched(node, tmp_path):
    """A node whose iptables was the other one when podnet was applied."""
    before = tmp_path / "before.yaml"
    before.write_text(node.spec.read_text().replace(f"backend: {node.backend}", f"backend: {other(node)}"))
    node.load(Image("*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n", ()))
    done = node.podnet("apply", before, "--yes")
    assert done.code == 0, done.stderr
    return node


def test_chains_left_in_the_other_backend_are_named_with_the_way_out(switched):
    said = switched.podnet("plan", switched.spec, "--live").stdout
    assert (
        f"iptables-{other(switched)}'s table nat still holds podnet's own chain PODNET-POSTROUTING" in said,
        "podnet remove takes it away" in said,
    ) == (True, True)


def test_chains_left_in_the_other_backend_count_as_drift(switched):
    assert switched.drift().code == 1


def test_nothing_is_applied_beside_chains_left_in_the_other_backend(switched):
    assert switched.apply().code == 3


def test_chain_left_in_the_other_backend_without_a_jump_is_found(applied):
    beside(applied, "-t nat -N PODNET-POSTROUTING")
    assert applied.drift().code == 1


def test_chains_left_in_the_other_backend_are_removed(switched):
    saves = "iptables-nft-save; iptables-legacy-save"
    before = switched.shell(saves)
    switched.remove()
    assert ["PODNET" in rules for rules in (before, switched.shell(saves))] == [True, False]


def test_after_chains_left_in_the_other_backend_are_removed_podnet_is_applied(switched):
    switched.remove()
    assert (switched.apply().code, switched.drift().code) == (0, 0)


def test_foreign_rules_in_the_other_backend_outlive_the_removal(switched):
    beside(switched, LIBVIRT)
    switched.remove()
    assert "-s 192.168.122.0/24 -j MASQUERADE" in switched.shell(f"iptables-{other(switched)}-save")


def test_table_of_nft_that_sleeps_is_nothing(applied):
    nft(applied, "add table ip asleep { flags dormant; }")
    nft(applied, "add chain ip asleep x { type nat hook postrouting priority 5; }; add rule ip asleep x masquerade")
    assert applied.podnet("plan", applied.spec, "--live").stdout == "No changes. hdss7-21: in sync.\n"


def test_nothing_beside_is_changed(node):
    beside(node, LIBVIRT)
    nft(node, FIREWALLD % "")
    before = node.shell("nft list table inet firewalld"), getattr(node.state(), other(node))
    node.apply()
    assert (node.shell("nft list table inet firewalld"), getattr(node.state(), other(node))) == before
