"""Constraints on lists, sysctls, checks and removals that must make sense by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netplan.errors import Problem
from netplan.kinds.sysctl.forwarding import switches_of
from netplan.spec.constraints.constraint import repeated
from netplan.spec.draft import Draft
from netplan.spec.explain import dotted
from netplan.spec.model import CheckSpec

_CHECKED: Final = frozenset({"ping", "tcp", "command"})


def check_lists_without_repetition(draft: Draft) -> Iterator[Problem]:
    """No item stands twice in a list, and no sysctl twice under two spellings."""
    sysctls = {path: (path[:-1], name) for path, (name, _) in draft.sysctls.items()}
    for values in (draft.non_masquerade_cidrs, draft.respect_marks, draft.removals, sysctls):
        for path, other in repeated(values):
            related = ((draft.places.key(*other), "the first one"),)
            message = f"{dotted(path)}: the same stands in {dotted(other)}"
            yield Problem(draft.places.key(*path), message, "remove one of the two", related)


def check_forwarding_stays_on(draft: Draft) -> Iterator[Problem]:
    """A node that routes for its pods forwards packets."""
    switches = {name for family in draft.families if family.pods for name in switches_of(family.version)}
    for path, (name, value) in draft.sysctls.items():
        if name in switches and value not in {"", "1"}:
            message = f"{dotted(path)}: a node that does not forward packets has no pod network"
            yield Problem(draft.places.value(*path), message, "remove the line: podnet sets it to 1")


def check_checks_say_one_thing(draft: Draft) -> Iterator[Problem]:
    """A check is one of ping, tcp and command; of a key that is misspelt its own problem tells."""
    for path, keys in draft.checks.items():
        said = sorted(keys & _CHECKED)
        if len(said) > 1:
            message = f"{dotted(path)}: {' and '.join(said)} are two checks"
            yield Problem(draft.places.key(*path, said[1]), message, f"write an item of its own for {said[1]}")
        elif not said and keys <= CheckSpec.model_fields.keys():
            message = f"{dotted(path)}: nothing is checked"
            yield Problem(draft.places.key(*path), message, "add one of ping, tcp and command")
