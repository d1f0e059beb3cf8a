"""Rules of another backend than the wanted one, or in no file for the next boot."""

from __future__ import annotations

from collections.abc import Iterator

from netplan.planning.advice.case import Case
from netplan.planning.rules_file import file_of


def warn_of_backend(case: Case) -> Iterator[str]:
    """Say that the rules of the state are of another backend than the spec wants."""
    wanted = case.desired.backend
    if wanted not in (None, case.snapshot.backend):
        yield f"the state is that of iptables-{case.snapshot.backend}, and the spec wants iptables-{wanted}"


def warn_of_unsaved_rules(case: Case) -> Iterator[str]:
    """Say which rules have no file from which they could come back at boot."""
    for version in sorted({traffic.version for traffic in case.desired.traffic}):
        if case.desired.persist is not None and file_of(case.desired.persist, version) is None:
            yield (
                f"the rules for IPv{version} are lost at the next boot: cannot determine which file beside "
                f"{case.desired.persist} is theirs; name one such as rules.v4 or iptables, and rules.v6 or "
                "ip6tables is written too"
            )
