"""What a reading of the kernel's tables gives, on both backends, and how many processes it starts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from netplan.errors import ObserveError
from netplan.kinds.chain.programs import Iptables
from netplan.kinds.chain.tables import tables
from netplan.kinds.chain.value import ChainKey, FirewallBackend
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.netfilter.nftables import expression
from netplan.system import programs
from tests.kinds.chain.scratch import call
from tests.scenarios.tools import wrap

CAPTURES = sorted((Path(__file__).parents[2] / "data" / "captures").glob("*.rules"))
BACKENDS = pytest.mark.parametrize("backend", ["nft", "legacy"])
LABELS = [f"{table} {name}" for table, names in BUILT_IN_BY_TABLE.items() for name in names]
SMALL = """*nat
:A - [0:0]
:B - [0:0]
-A POSTROUTING -j A
-A A -s 10.0.0.0/8 -j RETURN
-A A -j MASQUERADE
-A B -j RETURN
COMMIT
*filter
:FORWARD DROP [0:0]
COMMIT
"""
A = [None, ["-s 10.0.0.0/8 -j RETURN", "-j MASQUERADE"]]


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A namespace in which every iptables program writes down what it was asked."""
    for backend in ("nft", "legacy"):
        for program in (f"iptables-{backend}", f"iptables-{backend}-save"):
            wrap(
                tmp_path,
                program,
                before=[
                    f'echo "{program} $*" >> {tmp_path}/asked',
                    f"[ ! -e {tmp_path}/meddle ] || . {tmp_path}/meddle",
                ],
            )
    monkeypatch.setattr(programs, "SEARCH_PATH", f"{tmp_path}:{programs.SEARCH_PATH}")
    return tmp_path


def probe(node, backend, rules, keys, *, limit=2000, before="", between=""):
    """Load rules and read chains; give what was found, and the legacy tables that there are then."""
    return call(node / "lock", loaded, backend, rules, keys, limit=limit, before=before, between=between)


def loaded(backend, rules, keys, *, limit, before, between):
    subprocess.run([f"iptables-{backend}-restore"], input=rules, text=True, check=True)
    subprocess.run(["sh", "-ec", before], check=True)
    own = tables(Iptables.find(FirewallBackend(backend)), expression.chains(), limit)
    subprocess.run(["sh", "-ec", between], check=True)
    return {key: content(own, key) for key in keys}, Path("/proc/self/net/ip_tables_names").read_text().split()


def content(own, key):
    """Return the policy and the rules of a chain, None where there is none, or why it can't be read."""
    try:
        chain = own.read(ChainKey(4, *key.split()))
    except ObserveError as error:
        return str(error)
    return chain and [chain.policy, [str(rule) for rule in chain.rules]]


def read(node, *arguments, **options):
    """Load rules and read chains; return them, and the commands that ran for it."""
    chains, _ = probe(node, *arguments, **options)
    commands = node / "asked"
    return chains, commands.read_text().splitlines() if commands.exists() else []


@BACKENDS
def test_an_empty_node_is_read_without_any_process(node, backend):
    chains, commands = read(node, backend, "", LABELS)
    assert (chains, commands) == ({key: ["ACCEPT", []] for key in LABELS}, [])


def test_the_policy_of_an_empty_table_is_read_without_any_process(node):
    chains, commands = read(node, "nft", "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", ["filter FORWARD", "filter INPUT"])
    assert (chains, commands) == ({"filter FORWARD": ["DROP", []], "filter INPUT": ["ACCEPT", []]}, [])


@BACKENDS
def test_a_small_table_is_read_by_one_process(node, backend):
    chains, commands = read(node, backend, SMALL, ["nat POSTROUTING", "nat A", "nat B", "nat C"])
    assert chains == {
        "nat POSTROUTING": ["ACCEPT", ["-j A"]],
        "nat A": A,
        "nat B": [None, ["-j RETURN"]],
        "nat C": None,
    }
    assert commands == {"nft": ["iptables-nft -w 10 -t nat -S"], "legacy": ["iptables-legacy-save -t nat"]}[backend]


def test_of_a_big_table_each_chain_is_read_alone(node):
    chains, commands = read(node, "nft", SMALL, ["nat POSTROUTING", "nat A", "nat INPUT", "nat C"], limit=3)
    assert chains == {"nat POSTROUTING": ["ACCEPT", ["-j A"]], "nat A": A, "nat INPUT": ["ACCEPT", []], "nat C": None}
    assert commands == ["iptables-nft -w 10 -t nat -S POSTROUTING", "iptables-nft -w 10 -t nat -S A"]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_table_read_whole_is_the_one_that_is_read_chain_by_chain(path, tmp_path, node):
    text = "\n".join(line for line in path.read_text().splitlines() if "--match-set" not in line) + "\n"
    keys, table = [], ""
    for line in text.splitlines():
        table = line[1:] if line.startswith("*") else table
        keys += [f"{table} {line.split()[0][1:]}"] if line.startswith(":") else []
    whole, alone = (read(node, "nft", text, keys, limit=limit)[0] for limit in (2000, 0))
    assert whole == alone
    assert sum(len(rules) for _, rules in whole.values()) == text.count("\n-A ")


def test_no_legacy_table_is_made_by_reading(node):
    assert probe(node, "legacy", "*nat\nCOMMIT\n", LABELS)[1] == ["nat"]


SET = "nft 'add rule ip nat B ip saddr { 10.0.0.1, 10.0.0.2 } accept'"


@pytest.mark.parametrize("limit", [2000, 0])
def test_a_rule_that_iptables_prints_as_another_is_refused_however_it_was_read(node, limit):
    chains, _ = read(node, "nft", SMALL, ["nat A", "nat B"], limit=limit, before=SET)
    why = "table nat can't be read safely: rule 2 of B is nft's own: it looks a packet up in a set or a map"
    assert chains == {"nat A": A, "nat B": why}


OWN = {
    "a rule that iptables can't say": "nft add chain ip nat B; nft add rule ip nat B ct state new",
    "a rule that iptables can't parse": "nft add chain ip nat B; nft add rule ip nat B meta mark set mark or 1",
    "a base chain": "nft 'add chain ip nat B { type nat hook postrouting priority 9 ; }'; nft add rule ip nat B drop",
}


@pytest.mark.parametrize("own", OWN)
def test_beside_what_is_nft_s_own_the_other_chains_are_read(node, own):
    rules = SMALL.replace(":B - [0:0]\n", "").replace("-A B -j RETURN\n", "")
    chains, commands = read(node, "nft", rules, ["nat A", "nat PREROUTING", "nat B"], before=OWN[own])
    assert (chains["nat A"], chains["nat PREROUTING"]) == (A, ["ACCEPT", []])
    assert "table nat can't be read safely" in chains["nat B"]
    assert commands[0] == "iptables-nft -w 10 -t nat -S"


@pytest.mark.parametrize("kind", ["{ type nat hook postrouting priority 90 ; }", ""])
@pytest.mark.parametrize("rule", ["", "; nft add rule ip nat POSTROUTING masquerade"])
def test_a_chain_that_packets_enter_elsewhere_is_not_taken_for_iptables_own(node, kind, rule):
    native = f"nft add table ip nat; nft 'add chain ip nat POSTROUTING {kind}'{rule}"
    chains, _ = read(node, "nft", "", ["nat POSTROUTING"], before=native)
    assert chains["nat POSTROUTING"] == "table nat can't be read safely: its chain POSTROUTING is nft's own"


def test_a_chain_that_vanishes_while_its_table_is_read_is_not_there(node):
    (node / "meddle").write_text(
        f"rm {node}/meddle; nft 'flush chain ip nat POSTROUTING; flush chain ip nat A; delete chain ip nat A'\n"
    )
    assert read(node, "nft", SMALL, ["nat POSTROUTING", "nat A"])[0] == {
        "nat POSTROUTING": ["ACCEPT", []],
        "nat A": None,
    }


@pytest.mark.parametrize("limit", [2000, 0])
def test_rules_that_change_all_the_time_are_not_read(node, limit):
    (node / "meddle").write_text("nft add rule ip nat B drop\n")
    chains, _ = read(node, "nft", SMALL, ["nat A"], limit=limit)
    assert "changes faster than it can be read" in chains["nat A"]


def test_a_chain_that_came_after_the_dump_is_found_where_a_rule_leads_to_it(node):
    come = "nft 'add chain ip nat NEW; add rule ip nat NEW drop; add rule ip nat POSTROUTING jump NEW'"
    chains, _ = read(node, "nft", SMALL, ["nat POSTROUTING", "nat NEW"], limit=0, between=come)
    assert chains["nat NEW"] == [None, ["-j DROP"]]


def test_a_chain_that_was_empty_in_the_dump_is_read_where_a_rule_leads_to_it_now(node):
    come = "nft 'add rule ip nat C drop; add rule ip nat POSTROUTING jump C'"
    chains, _ = read(
        node, "nft", SMALL.replace(":B -", ":C - [0:0]\n:B -"), ["nat POSTROUTING", "nat C"], limit=0, between=come
    )
    assert chains["nat C"] == [None, ["-j DROP"]]
