"""Run in a network namespace of its own: load a payload into the legacy tables and print what python-iptables decodes.

The payload comes on stdin; the answer is a JSON list with one object for each rule of the chain named in the arguments.
"""

from __future__ import annotations

import json
import subprocess
import sys

import iptc


def decoded(rule: iptc.Rule) -> dict[str, object]:
    """Return the parts of a rule that python-iptables names."""
    return {
        "src": rule.src,
        "dst": rule.dst,
        "in": rule.in_interface,
        "out": rule.out_interface,
        "protocol": rule.protocol,
        "target": rule.target.name or None,
        "matches": [match.name for match in rule.matches],
    }


if __name__ == "__main__":
    chain, *tables = sys.argv[1:]
    subprocess.run(["iptables-legacy-restore", "-w", "5"], stdin=sys.stdin, check=True)
    rules = [rule for table in tables for rule in iptc.Chain(iptc.Table(table), chain).rules]
    print(json.dumps([decoded(rule) for rule in rules]))  # noqa: T201
