"""The leases file, `state/CLUSTER/leases.yaml`: one line a node, sorted by name, made by `podnet lease` and committed.

    hdss7-21: {subnet: 172.7.21.0/24}
    hdss7-22: {subnet: 172.7.22.0/24, ipv6_subnet: fd00:7:0:16::/64}

One line a node, so that git merges what two people add. Where both gave one subnet to different nodes and their lines
are not neighbours, git merges them without a word; the constraints of the spec then name both lines and the remedy.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import PurePath
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from netplan.errors import Location, Problem, SpecError
from netplan.net import Prefix
from netplan.spec import fields
from netplan.spec.prefixes import family_key
from netplan.spec.readers import described
from netplan.spec.yaml.document import Document, compose
from netplan.spec.yaml.places import Position
from netplan.spec.yaml.problems import LINE_BREAK
from netplan.spec.yaml.scalars import plain_scalar

STATE: Final = "state"
"""The folder in which leases are looked for unless a command says another."""

HEADER: Final = "# The subnets of nodes that the spec gives none, made by podnet lease. Commit this file.\n"

_EXAMPLE: Final = "hdss7-21: {subnet: 172.7.21.0/24}"
_TEXT: Final = r"[\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*"  # of a comment
_COMMENT: Final = rf" *(#{_TEXT})?"
_LEASE: Final = (
    r"(?:(?P<plain>[A-Za-z0-9][A-Za-z0-9_.-]*)|\"(?P<quoted>[A-Za-z0-9][A-Za-z0-9_.-]*)\"):"
    r" +{ *(?:subnet: +(?P<subnet>[0-9.]+/[0-9]+))?"
    r"(?:(?(subnet) *, *)ipv6_subnet: +(?P<ipv6_subnet>[0-9a-f:]+/[0-9]+))?"
    rf" *}}(?: +#{_TEXT}| *)"
)
_KEYS: Final = {"subnet": fields.read_prefix, "ipv6_subnet": fields.read_ipv6_prefix}
_CONFLICT: Final = re.compile(r"^(?:<{7}|={7}|>{7})(?:$| )", re.MULTILINE)


class LeasedSubnet(Struct, frozen=True):
    """A subnet, with its place."""

    subnet: Prefix
    at: Position


class Lease(Struct, frozen=True):
    """A node's subnets, one of an IP version, with the place of the node's name."""

    key: Position
    leased: tuple[LeasedSubnet, ...]

    @property
    def subnets(self) -> tuple[Prefix, ...]:
        """The subnets, IPv4 first."""
        return tuple(entry.subnet for entry in self.leased)

    def subnet(self, version: int) -> Prefix | None:
        """Return the subnet of an IP version."""
        return next((entry.subnet for entry in self.leased if entry.subnet.version == version), None)

    def without(self, subnets: Collection[Prefix]) -> Lease:
        """Return the lease without some of its subnets."""
        return replace(self, leased=tuple(entry for entry in self.leased if entry.subnet not in subnets))


class Leases(Struct, frozen=True):
    """The leases of a cluster by the names of the nodes, with their file.

    `regular`: each of them stands on a line of its own. `problems` is what is wrong in the file; `known` is false where
    there may be leases that are not here, since their file was not found or is wrong.
    """

    path: str = ""
    text: str = ""
    entries: Mapping[str, Lease] = field(default_factory=dict)
    regular: bool = True
    problems: tuple[Problem, ...] = ()
    known: bool = True

    def at(self, name: str, version: int) -> Location:
        """Return the place of a node's subnet."""
        return Location(
            self.path, *next(entry.at for entry in self.entries[name].leased if entry.subnet.version == version)
        )

    def entry_at(self, name: str) -> Location:
        """Return the place of a node's lease."""
        return Location(self.path, *self.entries[name].key)

    def subnets(self, version: int) -> dict[str, Prefix]:
        """Return the subnets of an IP version by the names of the nodes."""
        subnets = ((name, lease.subnet(version)) for name, lease in self.entries.items())
        return {name: subnet for name, subnet in subnets if subnet is not None}

    def command(self, spec: str, *words: str) -> str:
        """Return the command that leases what is missing, with words that follow."""
        folder = str(PurePath(self.path).parent.parent) if self.path else STATE
        return shlex.join(["podnet", "lease", spec, *(() if folder == STATE else ("--state", folder)), *words])

    def without(self, freed: Mapping[str, Collection[Prefix]]) -> Leases:
        """Return the leases without some subnets of nodes; the file's text stays the one that the places are of."""
        kept = {name: lease.without(freed.get(name, ())) for name, lease in self.entries.items()}
        return replace(self, entries={name: lease for name, lease in kept.items() if lease.leased})

    def renamed(self, old: str, new: str) -> Leases:
        """Return the leases with one node's under another name; the text stays the one that the places are of."""
        entries = {new if name == old else name: lease for name, lease in self.entries.items()}
        return replace(self, entries=entries)


def leases_path(folder: PurePath, cluster: str) -> PurePath:
    """Return the place of a cluster's leases file below a state folder."""
    return folder / cluster / "leases.yaml"


def parse_leases(text: str, path: str) -> Leases:
    """Read a leases file; what is wrong in it is among the problems of the leases."""
    regular = _read_lines(text)
    if regular is not None:
        return Leases(path, text, regular)
    conflict = _CONFLICT.search(text)
    if conflict:
        at = Location(path, len(LINE_BREAK.split(text[: conflict.start()])), 1)
        hint = "keep the lines of both sides, and take out the three lines that git wrote"
        return _broken(path, text, [Problem(at, "here git could not merge the leases of two people", hint)])
    try:
        document = compose(text, path, _EXAMPLE)
    except SpecError as error:
        return _broken(path, text, error.problems)
    problems = [*document.problems, *_problems(document)]
    return _broken(path, text, problems) if problems else Leases(path, text, _read_document(document), regular=False)


def render_leases(leases: Leases, subnets: Mapping[str, tuple[Prefix, ...]]) -> str:
    """Return the text of the file with other leases: lines of nodes that keep theirs stay byte for byte.

    New lines go where their names sort. A file that is not one line a node becomes one, and loses its comments.
    """
    text = leases.text if leases.regular and leases.text else HEADER
    new = sorted(subnets.items(), reverse=True)
    stay = {name for name, lease in leases.entries.items() if leases.regular and subnets.get(name) == lease.subnets}
    lines: list[str] = []
    for line in text.removesuffix("\n").split("\n"):
        name = _name(line)
        if name is not None:
            lines += _before(name, new, stay)
        if name is None or name in stay:
            lines.append(line)
    lines += _before(None, new, stay)
    return "\n".join(lines) + "\n"


def _before(name: str | None, new: list[tuple[str, tuple[Prefix, ...]]], stay: Collection[str]) -> Iterator[str]:
    """Pop what sorts before a name, or all, off the end of a list, and yield its lines except of leases that stay."""
    while new and (name is None or new[-1][0] < name):
        node, leased = new.pop()
        if node not in stay:
            pairs = ", ".join(f"{family_key(subnet.version, 'subnet')}: {subnet}" for subnet in leased)
            yield f"{_written(node)}: {{{pairs}}}"


def _written(name: str) -> str:
    return name if plain_scalar(name) == name else f'"{name}"'


@cache
def _matcher(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """Compile a pattern for whole lines, once there is a file: with all those characters it takes a while."""
    return re.compile(pattern).fullmatch


def _name(line: str) -> str | None:
    """Return the node whose lease a line holds, None if it holds none."""
    match = _matcher(_LEASE)(line)
    return (match["plain"] or match["quoted"]) if match else None


def _read_lines(text: str) -> dict[str, Lease] | None:
    """Read a file of one line a node, in a fraction of the time that YAML takes; None if it is any other file."""
    lease, comment = _matcher(_LEASE), _matcher(_COMMENT)
    leases: dict[str, Lease] = {}
    for number, line in enumerate(text.split("\n"), 1):
        match = lease(line)
        if match is None:
            if comment(line):
                continue
            return None
        name = match["plain"] or match["quoted"]
        plain = match["plain"]
        if name in leases or (plain and plain_scalar(plain) != plain):
            return None
        try:
            leased = tuple(
                LeasedSubnet(read(match[key]), (number, match.start(key) + 1))
                for key, read in _KEYS.items()
                if match[key]
            )
            leases[fields.read_name(name)] = Lease((number, 1), leased)
        except ValueError:
            return None
        if not leased:
            return None
    return leases


def _read_document(document: Document) -> dict[str, Lease]:
    """Return the leases of a document without a mistake."""
    places = document.places.root.entries
    return {
        name: Lease(
            places[name].key,
            tuple(
                LeasedSubnet(read(node[key]), places[name].entries[key].value)
                for key, read in _KEYS.items()
                if key in node
            ),
        )
        for name, node in document.data.items()
        if isinstance(node, dict)
    }


def _problems(document: Document) -> Iterator[Problem]:
    places = document.places
    for name, node in document.data.items():
        try:
            fields.read_name(name)
        except ValueError as mistake:
            yield Problem(places.key(name), str(mistake))
        if not isinstance(node, dict):
            message = f"{name}: expected a mapping, found {described(node)}"
            yield Problem(places.value(name), message, f"write it like {_EXAMPLE}")
            continue
        for key in node.keys() - _KEYS.keys():
            yield Problem(
                places.key(name, key),
                f"{name}.{key}: there is no such key",
                "a lease is a subnet, an ipv6_subnet or both",
            )
        if not node.keys() & _KEYS.keys():
            yield Problem(places.key(name), f"{name} has no subnet", f"write it like {_EXAMPLE}")
        for key, read in _KEYS.items():
            if key in node:
                yield from _subnet_problems(document, (name, key), read, node[key])


def _subnet_problems(
    document: Document, path: tuple[str, str], read: Callable[[object], Prefix], value: object
) -> Iterator[Problem]:
    try:
        read(value)
    except ValueError as mistake:
        hint = getattr(mistake, "hint", "")
        yield Problem(document.places.value(*path), f"{'.'.join(path)}: {mistake}", hint)


def _broken(path: str, text: str, problems: Collection[Problem]) -> Leases:
    return Leases(path, text, problems=tuple(problems), known=False)
