"""The rules of `firewall.remove`: read as iptables reads them, no rule of podnet's, and none too broad."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from netplan.errors import Problem
from netplan.kinds.chain.rule import Rule, parse_rule_line
from netplan.kinds.chain.value import COMMENT, OWNED_PREFIX
from netplan.spec.draft import Draft
from netplan.spec.explain import dotted, suggest
from netplan.spec.model import Removal
from netplan.spec.readers import WrongValueError

_TABLES: Final = get_args(Removal.model_fields["table"].annotation)
_EXAMPLE: Final = {"subnet": "172.7.21.0/24", "network": "172.7.0.0/16", "bridge": "docker0", "interface": "eth0"}


def fill_in(rule: str, values: Mapping[str, object]) -> str:
    """Give a rule with values in the place of its placeholders: {subnet} {network} {bridge} {interface}."""
    return re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), rule)


def check_removals(draft: Draft) -> Iterator[Problem]:
    """A rule to remove is one that iptables takes, with placeholders that exist, and of other programs."""
    for path, (table, rule) in draft.removals.items():
        try:
            _check_text(rule)
            _check_placeholders(rule)
            _check_rule(*_read(rule, table))
        except WrongValueError as mistake:
            at = (*path, "rule")
            yield Problem(draft.places.value(*at), f"{dotted(at)}: {mistake}", mistake.hint)


def _check_text(rule: str) -> None:
    strange = re.search("[^ -~]", rule)
    if strange:
        raise WrongValueError(
            f"the character {strange[0]!r} stands in no rule", "a rule is one line of printable ASCII"
        )


def _check_placeholders(rule: str) -> None:
    known = ", ".join(f"{{{name}}}" for name in _EXAMPLE)
    for name in re.findall(r"\{(\w*)\}", rule):
        if name not in _EXAMPLE:
            likely = suggest(name, tuple(_EXAMPLE))
            hint = f"did you mean {{{likely}}}?" if likely else f"the placeholders are {known}"
            raise WrongValueError(f"there is no placeholder {{{name}}}", hint)
    if re.search(r"[{}]", re.sub(r"\{\w*\}", "", rule)):
        raise WrongValueError("a brace stands alone", f"the placeholders are {known}")


def _read(rule: str, table: str) -> tuple[str, Rule]:
    if not rule.startswith("-A "):
        raise WrongValueError(
            "a rule starts with -A CHAIN", "write it as iptables-save prints it; the table is a key beside it"
        )
    try:
        return parse_rule_line(fill_in(rule, _EXAMPLE), table=table if table in _TABLES else None)
    except ValueError as error:
        raise WrongValueError(str(error), "write the rule as iptables-save prints it") from error


def _check_rule(chain: str, rule: Rule) -> None:
    if rule.target is None:
        raise WrongValueError("the rule has no target", "end it with -j and a target, as iptables-save prints it")
    comments = [match.get("comment") for match in rule.matches if match.name == "comment"]
    ours = any(option is not None and option.text == COMMENT for option in comments)
    if ours or chain.startswith(OWNED_PREFIX) or rule.target.name.startswith(OWNED_PREFIX):
        raise WrongValueError("this is one of podnet's own rules", "podnet remove takes them off a node")
    if rule == Rule(target=rule.target, goto=rule.goto) and rule.target.name not in {"DROP", "REJECT"}:
        raise WrongValueError(
            f"the rule is about every packet of {chain}", "write what it matches before -j, such as -s {subnet}"
        )
