"""Our rules in the files that iptables-services or netfilter-persistent loads at boot, in the format of iptables-save.

There is one for each IP version. Everything else in it stays byte for byte, but for the rules that `firewall.remove`
names: those would come back at boot, and stand before ours or refuse what ours accept. They are not put back when
podnet is removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from netplan.compile import Desired
from netplan.kinds.chain.place import Span, arrange
from netplan.kinds.chain.rule import Rule, parse_rule_line
from netplan.kinds.chain.value import OWNED_PREFIX, Chain, ChainKey
from netplan.net import printable
from netplan.placement import span_of

MADE: Final = "# This table was added by podnet."
"""Stands before a table that the file did not have, so that it goes again with the last of our rules."""

_COUNTERS: Final = re.compile(r"\[\d+:\d+\]\s+")
_RULE: Final = re.compile(r"-A\s+(\S+)")


_OF_IPV4: Final = ((re.compile(r"v4$"), "v6"), (re.compile(r"^iptables"), "ip6tables"))
_OF_IPV6: Final = re.compile(r"v6$|^ip6tables")


def file_of(path: str, version: int) -> str | None:
    """Give the file of an IP version by the one that a spec names; None if nobody can tell what it is called.

    Beside `rules.v4` it is `rules.v6`, beside `iptables` `ip6tables`.
    """
    folder, slash, name = path.rpartition("/")
    if _OF_IPV6.search(name):
        return path if version == 6 else None
    if version == 4:
        return path
    names = (pattern.sub(other, name) for pattern, other in _OF_IPV4 if pattern.search(name))
    return next((f"{folder}{slash}{each}" for each in names), None)


class SavedRulesError(ValueError):
    """The file holds a line that iptables-save does not write."""


class _Entry(Struct, frozen=True):
    """A rule's line: its index in the file, its chain, and its text without counters."""

    index: int
    chain: ChainKey
    text: str

    def rule(self) -> Rule:
        try:
            return parse_rule_line(self.text, version=self.chain.version)[1]
        except ValueError as error:
            raise _unreadable(self.index, str(error)) from error


class _Table(Struct):
    """A table of the file: the indexes of its first line, of its COMMIT and of its chains' headers, and its rules."""

    name: str
    version: int
    start: int
    end: int = 0
    headers: dict[str, int] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[_Entry]] = field(default_factory=dict)

    def key(self, chain: str) -> ChainKey:
        """Give the key of one of its chains."""
        return ChainKey(self.version, self.name, chain)

    def chains(self) -> Iterator[str]:
        """Give the name of every chain that has a header or a rule."""
        return iter(dict.fromkeys([*self.headers, *self.rules]))


class _Chains(Mapping[ChainKey, Chain]):
    """The chains of a table, each read when a packet comes to it: the file may hold a hundred thousand rules."""

    def __init__(self, table: _Table) -> None:
        self._table = table
        self._read: dict[ChainKey, Chain] = {}

    def __getitem__(self, key: ChainKey) -> Chain:
        if key not in self._read:
            if key.name not in {*self._table.headers, *self._table.rules}:
                raise KeyError(key)
            policy = self._table.policies.get(key.name, "-")
            rules = tuple(entry.rule() for entry in self._table.rules.get(key.name, ()))
            self._read[key] = Chain(key, rules, None if policy == "-" else policy)
        return self._read[key]

    def __iter__(self) -> Iterator[ChainKey]:
        return map(self._table.key, self._table.chains())

    def __len__(self) -> int:
        return len({*self._table.headers, *self._table.rules})


class _Edit(Struct):
    """What becomes of the lines of a file: those that go, and those that come before a line."""

    gone: set[int] = field(default_factory=set)
    come: dict[int, list[str]] = field(default_factory=dict)

    def insert(self, index: int, *lines: str) -> None:
        self.come.setdefault(index, []).extend(lines)

    def applied(self, lines: Sequence[str]) -> Iterator[str]:
        for index, line in enumerate([*lines, None]):
            yield from self.come.get(index, ())
            if line is not None and index not in self.gone:
                yield line


def merge(text: str, desired: Desired, version: int = 4) -> str:
    """Give the text of an IP version's file with the chains and jumps that a node should have, each jump at its place.

    SavedRulesError names the line that can't be read. Of a node that should have nothing, ours go.
    """
    separator = "\r\n" if 0 < text.count("\n") == text.count("\r\n") else "\n"
    lines = text.split(separator)
    edit = _Edit()
    tables = _tables(lines, version)
    effective = {
        table.name: table for table in tables
    }  # loading a table empties it first: the last one of a name counts
    for table in tables:
        if effective[table.name] is table:
            _edit_table(table, desired, edit)
        else:
            _edit_table(table, None, edit)
        _drop_made(table, lines, edit)
    end = len(lines) if lines[-1] else len(lines) - 1
    for name in sorted({chain.key.table for chain in _wanted(desired, version)} - effective.keys()):
        edit.insert(end, *_new_table(name, desired, version))
    return separator.join(edit.applied(lines))


def _tables(lines: Sequence[str], version: int) -> list[_Table]:
    tables: list[_Table] = []
    inside: _Table | None = None
    for index, line in enumerate(lines):
        if not line or line.startswith("#"):
            continue
        if inside is None:
            if not line.startswith("*") or not line[1:].strip():
                raise _unreadable(index, f"{line!r} stands outside of a table")
            inside = _Table(line[1:].strip(), version, index)
            tables.append(inside)
        elif line == "COMMIT":
            inside.end = index
            inside = None
        else:
            _add(inside, index, line)
    if inside is not None:
        raise _unreadable(inside.start, f"table {inside.name} has no COMMIT")
    return tables


def _add(table: _Table, index: int, line: str) -> None:
    """Add a chain's header or a rule to a table."""
    words = line[1:].split()
    if line.startswith(":") and len(words) > 1:
        table.headers[words[0]], table.policies[words[0]] = index, words[1]
        return
    text = _COUNTERS.sub("", line, count=1) if line.startswith("[") else line
    found = _RULE.match(text)
    if found is None or line.endswith("\r"):
        raise _unreadable(index, f"{line!r} is nothing that iptables-save writes")
    table.rules.setdefault(found[1], []).append(_Entry(index, table.key(found[1]), text))


def _unreadable(index: int, why: str) -> SavedRulesError:
    return SavedRulesError(f"line {index + 1}: {printable(why)}")


def _wanted(desired: Desired, version: int) -> list[Chain]:
    """Give the chains of an IP version."""
    chains = (want.resource for want in desired.objects if isinstance(want.resource, Chain))
    return [chain for chain in chains if chain.key.version == version]


def _edit_table(table: _Table, desired: Desired | None, edit: _Edit) -> None:
    """Bring our chains and jumps in a table up to date; without `desired`, take them out."""
    wanted = (
        {} if desired is None else {c.key.name: c for c in _wanted(desired, table.version) if c.key.table == table.name}
    )
    chains = _Chains(table)
    fresh = dict(wanted)
    for name in table.chains():
        if name.startswith(OWNED_PREFIX):
            if name in wanted and _holds(table, chains, wanted[name]):
                del fresh[name]
            else:
                edit.gone |= {entry.index for entry in table.rules.get(name, ())}
                edit.gone |= {index for header, index in table.headers.items() if header == name}
    edit.insert(max([table.start, *table.headers.values()]) + 1, *_headers(fresh.values()))
    for name in dict.fromkeys([*table.chains(), *(hook.name for hook in _hooks(desired, table))]):
        if not name.startswith(OWNED_PREFIX):
            _edit_chain(table.key(name), table, chains, desired, edit)
    edit.insert(table.end, *_rules(fresh.values()))


def _holds(table: _Table, chains: _Chains, wanted: Chain) -> bool:
    """Whether the file has a chain of ours as it should be."""
    try:
        return wanted.key.name in table.headers and chains[wanted.key].rules == wanted.rules
    except SavedRulesError:
        return False


def _hooks(desired: Desired | None, table: _Table) -> list[ChainKey]:
    hooks = [jump.hook for jump in desired.jumps] if desired is not None else []
    return [hook for hook in hooks if (hook.version, hook.table) == (table.version, table.name)]


def _edit_chain(key: ChainKey, table: _Table, chains: _Chains, desired: Desired | None, edit: _Edit) -> None:
    """Put our jump into a chain of others or take it out, and take out what the spec removes."""
    jump = next((jump for jump in desired.jumps if jump.hook == key), None) if desired is not None else None
    removed = {each.rule for each in desired.removals if each.chain == key} if desired is not None else set()
    entries = table.rules.get(key.name, [])
    if jump is None and not removed and not any(OWNED_PREFIX in entry.text for entry in entries):
        return

    def span(rules: Sequence[Rule]) -> Span:
        traffic = [each for each in desired.traffic if each.version == key.version] if desired is not None else []
        return span_of(jump, traffic[0], rules, chains) if jump is not None and traffic else Span(0, 0)

    slots = arrange([entry.rule() for entry in entries], None if jump is None else jump.rule, removed, span)
    stays = {slot.origin for slot in slots}
    edit.gone |= {entry.index for number, entry in enumerate(entries) if number not in stays}
    for number, slot in enumerate(slots):
        if slot.origin is None:
            after = next((later.origin for later in slots[number + 1 :] if later.origin is not None), None)
            edit.insert(table.end if after is None else entries[after].index, f"-A {key.name} {slot.rule}")


def _drop_made(table: _Table, lines: Sequence[str], edit: _Edit) -> None:
    """Drop a table that podnet added, once nothing is left in it."""
    inside = {*range(table.start + 1, table.end)}
    comes = any(edit.come.get(index) for index in range(table.start + 1, table.end + 1))
    if table.start and lines[table.start - 1] == MADE and inside <= edit.gone and not comes:
        edit.gone |= {table.start - 1, table.start, table.end}


def _new_table(name: str, desired: Desired, version: int) -> Iterator[str]:
    """Give the lines of a table that the file does not have; no policy is among them."""
    chains = [chain for chain in _wanted(desired, version) if chain.key.table == name]
    yield from (MADE, f"*{name}", *_headers(chains))
    for jump in desired.jumps:
        if (jump.hook.version, jump.hook.table) == (version, name):
            yield f"-A {jump.hook.name} {jump.rule}"
    yield from (*_rules(chains), "COMMIT")


def _headers(chains: Iterable[Chain]) -> Iterator[str]:
    return (f":{chain.key.name} - [0:0]" for chain in chains)


def _rules(chains: Iterable[Chain]) -> Iterator[str]:
    return (f"-A {chain.key.name} {rule}" for chain in chains for rule in chain.rules)
