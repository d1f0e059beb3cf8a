"""The rules of `firewall.remove`: read as iptables reads them, no rule of podnet's, and none too broad."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias, get_args

from netplan.errors import Problem
from netplan.kinds.chain.value import COMMENT, OWNED_PREFIX
from netplan.netfilter.iptables.matches import MATCH_EXTENSIONS
from netplan.netfilter.iptables.rule import Rule, parse_rule_line
from netplan.netfilter.iptables.targets import ADDED_TARGETS, TARGET_EXTENSIONS
from netplan.spec.draft import Draft
from netplan.spec.explain import dotted, suggest
from netplan.spec.model import Removal
from netplan.spec.readers import WrongValueError
from netplan.text import did_you_mean

_TABLES: Final = get_args(Removal.model_fields["table"].annotation)
_DEVICES: Final = {"bridge": "docker0", "interface": "eth0"}
_EXAMPLES: Final = {
    4: {"subnet": "172.7.21.0/24", "network": "172.7.0.0/16", **_DEVICES},
    6: {"subnet": "fd00:7:0:15::/64", "network": "fd00:7::/48", **_DEVICES},
}
_NAMES: Final = tuple(_EXAMPLES[4])
_ALIKE: Final = 0.8

Values: TypeAlias = Mapping[int, Mapping[str, object]]
"""What the placeholders stand for, by IP version."""


def filled_in(rule: str, table: str, values: Values) -> Iterator[tuple[int, str, Rule]]:
    """Return the rules that a text stands for, each with its IP version and chain: those that iptables takes.

    They are of the versions that there are values of; a rule with addresses of another version is of that one.
    """
    rules = [rule_read for version in values for rule_read in _read_as(version, rule, table, values[version])]
    devices = next(iter(values.values()))
    for version in (4, 6) if not rules else ():
        if version not in values and not re.search(r"\{(subnet|network)\}", rule):
            rules += _read_as(version, rule, table, devices)
    yield from rules


def _read_as(version: int, rule: str, table: str, values: Mapping[str, object]) -> Iterator[tuple[int, str, Rule]]:
    try:
        chain, read = parse_rule_line(fill_in(rule, values), table=table, version=version)
    except ValueError:
        return
    yield version, chain, read


def fill_in(rule: str, values: Mapping[str, object]) -> str:
    """Return a rule with values in the place of its placeholders: {subnet} {network} {bridge} {interface}."""
    return re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), rule)


def check_removals(draft: Draft) -> Iterator[Problem]:
    """A rule to remove is one that iptables takes, with placeholders that exist, and of other programs."""
    for path, (table, rule) in draft.removals.items():
        try:
            _check_text(rule)
            _check_placeholders(rule)
            chain, read = _read(rule, table, draft)
            _check_names(read)
            _check_rule(chain, read)
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
    known = ", ".join(f"{{{name}}}" for name in _NAMES)
    for name in re.findall(r"\{(\w*)\}", rule):
        if name not in _NAMES:
            close = suggest(name, _NAMES)
            hint = f"did you mean {{{close}}}?" if close else f"the placeholders are {known}"
            raise WrongValueError(f"there is no placeholder {{{name}}}", hint)
    if re.search(r"[{}]", re.sub(r"\{\w*\}", "", rule)):
        raise WrongValueError("a brace stands alone", f"the placeholders are {known}")


def _read(rule: str, table: str, draft: Draft) -> tuple[str, Rule]:
    if not rule.startswith("-A "):
        raise WrongValueError(
            "a rule starts with -A CHAIN", "write it as iptables-save prints it; the table is a key beside it"
        )
    known = table if table in _TABLES else None
    values = {family.version: _EXAMPLES[family.version] for family in draft.families if family.pods}
    read = next(filled_in(rule, table, values), None) if known else None
    if read is not None:
        return read[1:]
    first = min(values)
    try:
        return parse_rule_line(fill_in(rule, values[first]), table=known, version=first)
    except ValueError as error:
        raise WrongValueError(str(error), "write the rule as iptables-save prints it") from error


def _check_names(rule: Rule) -> None:
    """A match that iptables does not have is in no rule; a target may be any chain, which takes no options."""
    for match in rule.matches:
        if match.name not in MATCH_EXTENSIONS:
            hint = _meant(match.name, MATCH_EXTENSIONS) or "iptables-extensions(8) has the matches"
            raise WrongValueError(f"there is no match {match.name}", hint)
    target = rule.target
    if target is None or target.name in TARGET_EXTENSIONS | ADDED_TARGETS:
        return
    meant = _meant(target.name, TARGET_EXTENSIONS)
    if target.unread:
        what = f"{target.name} is no target, and a chain takes no options such as {target.unread.split()[0]}"
        raise WrongValueError(what, meant or "iptables-extensions(8) has the targets")
    if _looks_misspelt(target.name):
        raise WrongValueError(f"there is no target {target.name}", meant)


def _meant(name: str, names: Iterable[str]) -> str:
    close = suggest(name, tuple(sorted(names)))
    return f"did you mean {close}?" if close else ""


def _looks_misspelt(name: str) -> bool:
    """Whether a word is all but a target's: a chain that is named after one has its whole name in its own."""
    alike = did_you_mean(name, TARGET_EXTENSIONS, _ALIKE)
    return bool(re.fullmatch("[A-Z]{5,}", name) and alike and alike not in name)


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
