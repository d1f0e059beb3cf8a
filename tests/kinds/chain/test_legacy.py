"""python-iptables prints legacy tables as iptables-legacy-save does, for rules of every kind."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from netplan.kinds.chain import iptc_dump
from netplan.kinds.chain.saved import saved_tables
from tests.kinds.chain.every_kind import payload, rules_by_table
from tests.kinds.chain.scratch import run

CAPTURES = sorted((Path(__file__).parents[2] / "data" / "captures").glob("*.rules"))
PROBE = """
import json, subprocess, sys
subprocess.run(["iptables-legacy-restore", "-w", "5"], stdin=sys.stdin, check=True)
tables = open("/proc/self/net/ip_tables_names").read().split()
script = [sys.executable, "-I", sys.argv[1]]
both = [subprocess.run(["iptables-legacy-save"], capture_output=True, text=True, check=True).stdout]
both += [subprocess.run([*script, *tables], capture_output=True, text=True, check=True).stdout]
print(json.dumps([*both, open("/proc/self/net/ip_tables_names").read().split() == tables]))
"""


def both(text, lock):
    """Load rules in a network namespace; give them as both say them, in our words."""
    done = run([sys.executable, "-c", PROBE, iptc_dump.__file__], lock, text)
    assert done.returncode == 0, done.stderr
    program, library, unchanged = json.loads(done.stdout)
    return content(program), content(library), unchanged


def content(text):
    return {
        (table.name, name): (table.policies[name], [str(rule) for rule in table.chain(name).rules])
        for table in saved_tables(text)
        for name in table.policies
    }


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_rules_of_a_real_node_are_said_alike(path, tmp_path):
    program, library, _ = both(path.read_text(), tmp_path / "lock")
    assert library == program


def test_rules_of_every_kind_are_said_alike(tmp_path):
    program, library, _ = both(payload(rules_by_table()), tmp_path / "lock")
    assert library == program


def test_no_table_is_made_by_reading_others(tmp_path):
    assert both("*nat\nCOMMIT\n", tmp_path / "lock")[2]
