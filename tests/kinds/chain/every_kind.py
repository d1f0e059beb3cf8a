"""Rules of every kind, from the table of test data: as podnet reads them, and as a payload for iptables-restore."""

from __future__ import annotations

from pathlib import Path

from netplan.kinds.chain.rule import Rule, parse_rules

CHAIN = "MINE"
ROWS = Path(__file__).parents[2] / "data" / "rule_normalisation.tsv"
CRASHES = "--match-set"  # python-iptables ends with a segmentation fault if the ipset does not exist


def rules_by_table():
    tables: dict[str, list[Rule]] = {}
    for line in ROWS.read_text(encoding="utf-8").splitlines():
        written, table, saved, *_ = line.split("\t")
        if not written.startswith("#") and not saved.startswith("ERROR") and CRASHES not in written:
            tables.setdefault(table, []).extend(rule for _, rule in parse_rules(written))
    return tables


def payload(tables):
    """Write the rules of each table into one chain."""
    jumps = {rule.target.name for rules in tables.values() for rule in rules if rule.target and not rule.target.known}
    lines = []
    for table, rules in tables.items():
        lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in sorted({CHAIN, *jumps}))]
        lines += [*(f"-A {CHAIN} {rule}" for rule in rules), "COMMIT"]
    return "\n".join([*lines, ""])
