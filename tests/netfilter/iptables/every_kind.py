"""Rules of every kind, from the table of test data: as podnet reads them, and as a payload for iptables-restore."""

from __future__ import annotations

from pathlib import Path

from netplan.netfilter.iptables.rule import Rule, parse_rule_line

CHAIN = "MINE"
ROWS = Path(__file__).parents[2] / "data" / "rule_normalisation.tsv"
CRASHES = "--match-set"  # python-iptables ends with a segmentation fault if the ipset does not exist


def rules_by_table():
    tables: dict[str, list[Rule]] = {}
    for line in ROWS.read_text(encoding="utf-8").splitlines():
        written, table, saved, *_ = line.split("\t")
        unusable = written.startswith("#") or saved.startswith("ERROR") or CRASHES in written or is_several(saved)
        if not unusable:
            tables.setdefault(table, []).append(parse_rule_line(written)[1])
    return tables


def is_several(saved):
    """Whether iptables made several rules of the one that was written: podnet wants those written."""
    return " \\n " in saved


def payload(tables):
    """Write the rules of each table into one chain."""
    jumps = {rule.target.name for rules in tables.values() for rule in rules if rule.target and not rule.target.known}
    lines = []
    for table, rules in tables.items():
        lines += [f"*{table}", *(f":{chain} - [0:0]" for chain in sorted({CHAIN, *jumps}))]
        lines += [*(f"-A {CHAIN} {rule}" for rule in rules), "COMMIT"]
    return "\n".join([*lines, ""])
