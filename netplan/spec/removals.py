"""The rules of `firewall.remove`, as far as one can tell from their text: no rule of podnet's, and none too broad."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from netplan.errors import Problem
from netplan.spec.draft import Draft
from netplan.spec.explain import dotted, suggest
from netplan.spec.readers import WrongValueError

PLACEHOLDERS: Final = ("subnet", "network", "bridge", "interface")

_OWN: Final = "PODNET-"
_OWN_COMMENT: Final = "podnet"
_JUMPS: Final = {"-j", "--jump", "-g", "--goto"}


def check_removals(draft: Draft) -> Iterator[Problem]:
    """A rule to remove is one line of iptables-save, with placeholders that exist."""
    for path, (_, rule) in draft.removals.items():
        try:
            _check_text(rule)
            _check_placeholders(rule)
            _check_words(_words(rule))
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
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    for name in re.findall(r"\{(\w*)\}", rule):
        if name not in PLACEHOLDERS:
            likely = suggest(name, PLACEHOLDERS)
            hint = f"did you mean {{{likely}}}?" if likely else f"the placeholders are {known}"
            raise WrongValueError(f"there is no placeholder {{{name}}}", hint)
    if re.search(r"[{}]", re.sub(r"\{\w*\}", "", rule)):
        raise WrongValueError("a brace stands alone", f"the placeholders are {known}")


def _words(rule: str) -> list[str]:
    try:
        return shlex.split(rule)
    except ValueError as error:
        raise WrongValueError("a quote is not closed", "write the rule as iptables-save prints it") from error


def _check_words(words: list[str]) -> None:
    if len(words) < 2 or words[0] != "-A":
        raise WrongValueError(
            "a rule starts with -A CHAIN", "write it as iptables-save prints it; the table is a key beside it"
        )
    jump = next((number for number, word in enumerate(words) if word in _JUMPS), len(words))
    target = words[jump + 1] if jump + 1 < len(words) else ""
    if not target:
        raise WrongValueError("the rule has no target", "end it with -j and a target, as iptables-save prints it")
    if words[1].startswith(_OWN) or target.startswith(_OWN) or ("--comment", _OWN_COMMENT) in pairwise(words):
        raise WrongValueError("this is one of podnet's own rules", "podnet remove takes them off a node")
    if jump == 2 and target not in {"DROP", "REJECT"}:
        raise WrongValueError(
            f"the rule is about every packet of {words[1]}", "write what it matches before -j, such as -s {subnet}"
        )
