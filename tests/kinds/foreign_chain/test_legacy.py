"""python-iptables prints legacy tables as iptables-legacy-save does, for rules of every kind."""

from __future__ import annotations

import subprocess
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from netplan.kinds.chain.saved import saved_tables
from netplan.kinds.foreign_chain import iptc_dump
from tests.kinds.chain.scratch import call
from tests.netfilter.iptables.every_kind import payload, rules_by_table

CAPTURES = sorted((Path(__file__).parents[2] / "data" / "captures").glob("*.rules"))
IPV6 = """*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:MINE - [0:0]
:OTHER - [0:0]
-A POSTROUTING -s fd00:7::/64 ! -o docker0 -j MASQUERADE
-A PREROUTING ! -s fd00::5/128 -d fd00::/ffff::ffff -j MINE
-A MINE -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::1]:80
-A MINE -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j RETURN
-A MINE ! -p udp -m comment --comment "a b" -g OTHER
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth0 -j REJECT --reject-with icmp6-adm-prohibited
COMMIT
"""


def both(text, lock, version=4):
    """Load rules in a network namespace; give them as both say them, in our words, and whether the tables stayed."""
    program, library, before, after = call(lock, printed, text, version)
    return content(program, version), content(library, version), before == after


def printed(text, version):
    name = "ip" if version == 4 else "ip6"
    names = Path(f"/proc/self/net/{name}_tables_names")
    subprocess.run([f"{name}tables-legacy-restore", "-w", "5"], input=text, text=True, check=True)
    before = names.read_text().split()
    program = subprocess.run([f"{name}tables-legacy-save"], capture_output=True, text=True, check=True).stdout
    with redirect_stdout(StringIO()) as library:
        assert iptc_dump.main([str(version), *before]) == 0
    return program, library.getvalue(), before, names.read_text().split()


def content(text, version):
    return {
        (table.name, name): (table.policies[name], [str(rule) for rule in table.chain(name).rules])
        for table in saved_tables(text, version)
        for name in table.policies
    }


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_rules_of_a_real_node_are_said_alike(path, tmp_path):
    program, library, _ = both(path.read_text(), tmp_path / "lock")
    assert library == program


def test_rules_of_every_kind_are_said_alike(tmp_path):
    program, library, _ = both(payload(rules_by_table()), tmp_path / "lock")
    assert library == program


def test_rules_of_ipv6_are_said_alike(tmp_path):
    program, library, unchanged = both(IPV6, tmp_path / "lock", 6)
    assert (library, unchanged) == (program, True)


def test_no_table_is_made_by_reading_others(tmp_path):
    assert both("*nat\nCOMMIT\n", tmp_path / "lock")[2]
