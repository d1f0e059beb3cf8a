"""Our rules in the files that iptables-services or netfilter-persistent loads at boot, in the format of iptables-save.

There is one for each IP version. Everything else in it stays byte for byte, except the rules that `firewall.remove`
names: those would come back at boot, and stand before ours or refuse what ours accept. They are remembered (`removed`),
and come back when they are no longer named: the program that loads the file has them from nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from netplan.desired.hooks import Hook, hooks_of
from netplan.desired.model import Desired
from netplan.kinds.chain.edit import Slot
from netplan.kinds.chain.place import put_back
from netplan.kinds.chain.removed_rules import RemovedRules, loadable, removed_from, with_removed
from netplan.kinds.chain.saved_tables import RuleLine, SavedRulesError, Table, TableChains, tables_of
from netplan.kinds.chain.value import OWNED_PREFIX, Chain, ChainKey, is_our_jump
from netplan.kinds.snapshot import Snapshot
from netplan.netfilter.iptables.rule import Rule
from netplan.planning.hooks import arrange_hook

ADDED_TABLE: Final = "# This table was added by podnet."
"""Stands before a table that the file did not have, so that the table is deleted with the last of our rules."""

_OF_IPV4: Final = ((re.compile(r"v4$"), "v6"), (re.compile(r"^iptables"), "ip6tables"))
_OF_IPV6: Final = re.compile(r"v6$|^ip6tables")


def file_of(path: str, version: int) -> str | None:
    """Return the file of an IP version by the one that a spec names; None if its name is unknown.

    Beside `rules.v4` it is `rules.v6`, beside `iptables` `ip6tables`.
    """
    folder, slash, name = path.rpartition("/")
    if _OF_IPV6.search(name):
        return path if version == 6 else None
    if version == 4:
        return path
    names = (pattern.sub(other, name) for pattern, other in _OF_IPV4 if pattern.search(name))
    return next((f"{folder}{slash}{sibling}" for sibling in names), None)


class _Edit(Struct):
    """What becomes of the lines of a file: indexes of those that are deleted, and what is inserted before a line."""

    deleted: set[int] = field(default_factory=set)
    inserted: dict[int, list[str]] = field(default_factory=dict)

    def insert(self, index: int, *lines: str) -> None:
        self.inserted.setdefault(index, []).extend(lines)

    def applied(self, lines: Sequence[str]) -> Iterator[str]:
        for index, line in enumerate([*lines, None]):
            yield from self.inserted.get(index, ())
            if line is not None and index not in self.deleted:
                yield line


Arranged = Callable[[ChainKey, Sequence[Rule], Mapping[ChainKey, Chain]], list[Slot]]
"""Returns another program's chain as it should be in the file: without removed rules, with our jump at its place."""


class Wish(Struct, frozen=True):
    """What should be in the files: our chains, the jumps into them by their hooks, and no rule of those `removed`."""

    chains: tuple[Chain, ...]
    jumps: Mapping[ChainKey, Rule]
    removed: Mapping[ChainKey, Collection[Rule]]
    arranged: Arranged

    @classmethod
    def of(cls, desired: Desired) -> Wish:
        """Return what a spec wants; of a node that should have nothing, ours are deleted."""
        chains = tuple(desired.all(Chain))
        hooks = {hook.chain: hook for hook in hooks_of(desired)}
        jumps = {key: hook.standing.rule for key, hook in hooks.items() if hook.standing is not None}

        def arranged(key: ChainKey, rules: Sequence[Rule], chains: Mapping[ChainKey, Chain]) -> list[Slot]:
            return arrange_hook(hooks.get(key, Hook(key)), rules, chains)

        return cls(chains, jumps, {key: hook.removed for key, hook in hooks.items()}, arranged)

    @classmethod
    def as_in(cls, state: Snapshot, removed: Mapping[ChainKey, Collection[Rule]]) -> Wish:
        """Return what an earlier state of the kernel had of ours, at the places that it had there."""
        hooks = [chain for chain in state.all(Chain) if not chain.ours]
        jumps = {chain.key: rule for chain in hooks for rule in chain.rules if is_our_jump(rule)}

        def arranged(key: ChainKey, rules: Sequence[Rule], _: Mapping[ChainKey, Chain]) -> list[Slot]:
            out = removed.get(key, ())
            return put_back([rule for rule in state.rules(key) if rule not in out], rules, out)

        return cls(tuple(chain for chain in state.all(Chain) if chain.ours), jumps, removed, arranged)

    def of_table(self, table: str, version: int) -> list[Chain]:
        """Return our chains of a table."""
        return [chain for chain in self.chains if (chain.key.table, chain.key.version) == (table, version)]

    def hooks_of(self, table: str, version: int) -> list[ChainKey]:
        """Return the chains of a table that lead into ours."""
        return [hook for hook in self.jumps if (hook.table, hook.version) == (table, version)]


NOTHING: Final = Wish((), {}, {}, lambda key, rules, chains: arrange_hook(Hook(key), rules, chains))


class Merged(Struct, frozen=True):
    """A file as it should be, and what is removed from it.

    `returned` are lines that come back, `lost` those that can't. `meanwhile` is what counts as removed
    until the file is written: power may fail before or after that.
    """

    text: str
    removed: tuple[RemovedRules, ...] = ()
    meanwhile: tuple[RemovedRules, ...] = ()
    returned: tuple[str, ...] = ()
    lost: tuple[RuleLine, ...] = ()


class _Memory(Struct):
    """What was removed from a file, by its chains, and what will be; `generation` is that for which it is removed."""

    former: dict[ChainKey, RemovedRules]
    generation: int
    removed: list[RemovedRules] = field(default_factory=list)
    meanwhile: list[RemovedRules] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)

    def keep(self, entries: Sequence[RuleLine], out: Collection[int], table: Table) -> None:
        """Remember the lines of a chain, of which those with the indexes `out` are not in the file in the end."""
        returning = {index for index, entry in enumerate(entries) if entry.index is None}
        self.returned += [entries[index].line for index in sorted(returning.difference(out))]
        former = self.former.get(entries[0].chain) if entries else None
        for removals, removed in ((self.removed, {*out}), (self.meanwhile, returning.union(out))):
            if removed:
                removals.append(removed_from(entries, removed, former, table, self.generation))


def merge(text: str, wish: Wish, version: int = 4, former: Iterable[RemovedRules] = (), generation: int = 0) -> Merged:
    """Return an IP version's file with our chains and jumps, each jump at its place, and what is to come back.

    `former` is what was removed from it before; what is removed now, is for a generation. SavedRulesError names the
    line that can't be read.
    """
    separator = "\r\n" if 0 < text.count("\n") == text.count("\r\n") else "\n"
    lines = text.split(separator)
    edit = _Edit()
    tables = tables_of(lines, version)
    # Loading a table empties it first: the last one of a name counts.
    effective = {table.name: table for table in tables}
    memory, lost = _recalled(former, effective, wish, version, generation)
    for table in tables:
        counts = effective[table.name] is table
        _edit_table(table, wish if counts else NOTHING, edit, memory if counts else _Memory({}, generation))
        _drop_added(table, lines, edit)
    end = len(lines) if lines[-1] else len(lines) - 1
    for name in sorted({chain.key.table for chain in wish.chains if chain.key.version == version} - effective.keys()):
        edit.insert(end, *_new_table(name, wish, version))
    merged = separator.join(edit.applied(lines))
    return Merged(merged, tuple(memory.removed), tuple(memory.meanwhile), tuple(memory.returned), tuple(lost))


def _recalled(
    former: Iterable[RemovedRules], tables: Mapping[str, Table], wish: Wish, version: int, generation: int
) -> tuple[_Memory, list[RuleLine]]:
    """Return what can come back into a file, and what can't: the latter is forgotten, unless it is to stay removed."""
    memory, lost = _Memory({}, generation), []
    for rules in former:
        if rules.chain.version == version and loadable(rules, tables.get(rules.chain.table)):
            memory.former[rules.chain] = rules
            continue
        out = wish.removed.get(rules.chain, ())
        missing = [entry for entry, _ in rules.texts if entry.rule() not in out]
        lost += missing
        if not missing:
            memory.removed.append(rules)
    return memory, lost


def _edit_table(table: Table, wish: Wish, edit: _Edit, memory: _Memory) -> None:
    """Bring our chains and jumps in a table up to date, and what was removed from it."""
    wanted = {chain.key.name: chain for chain in wish.of_table(table.name, table.version)}
    chains = TableChains(table)
    fresh = dict(wanted)
    for name in table.chains():
        if name.startswith(OWNED_PREFIX):
            if name in wanted and _holds(table, chains, wanted[name]):
                del fresh[name]
            else:
                edit.deleted |= {entry.index for entry in table.rules.get(name, ()) if entry.index is not None}
                edit.deleted |= {*table.headers.get(name, ())}
    edit.insert(table.last_header + 1, *_headers(fresh.values()))
    remembered = (key.name for key in memory.former if key.table == table.name)
    hooks = [*(hook.name for hook in wish.hooks_of(table.name, table.version)), *remembered]
    for name in dict.fromkeys([*table.chains(), *hooks]):
        if not name.startswith(OWNED_PREFIX):
            _edit_chain(table.key(name), table, wish, edit, memory)
    edit.insert(table.end, *_rules(fresh.values()))


def _holds(table: Table, chains: TableChains, wanted: Chain) -> bool:
    """Whether the file has a chain of ours as it should be."""
    try:
        return wanted.key.name in table.headers and chains[wanted.key].rules == wanted.rules
    except SavedRulesError:
        return False


def _edit_chain(key: ChainKey, table: Table, wish: Wish, edit: _Edit, memory: _Memory) -> None:
    """Add our jump to another program's chain or delete it, and restore or remove rules as the wish says."""
    entries, former = table.rules.get(key.name, []), memory.former.get(key)
    ours = key in wish.jumps or any(OWNED_PREFIX in entry.text for entry in entries)
    if not ours and former is None and not wish.removed.get(key):
        return
    whole = with_removed(entries, former)
    rules = [entry.rule() for entry in whole]
    slots = wish.arranged(key, rules, TableChains(table))
    stays = {slot.origin for slot in slots}
    leaving = (entry for number, entry in enumerate(whole) if number not in stays)
    edit.deleted |= {entry.index for entry in leaving if entry.index is not None}
    _insert(key, table, slots, whole, edit)
    foreign = [number for number, rule in enumerate(rules) if not is_our_jump(rule)]
    out = {place for place, number in enumerate(foreign) if number not in stays}
    memory.keep([whole[number] for number in foreign], out, table)


def _insert(key: ChainKey, table: Table, slots: Sequence[Slot], whole: Sequence[RuleLine], edit: _Edit) -> None:
    """Insert the new lines of a chain: our jump before the line that follows it, a rule behind the one it followed."""
    indexes = [None if slot.origin is None else whole[slot.origin].index for slot in slots]
    at: int | None = None
    for number, (slot, index) in enumerate(zip(slots, indexes, strict=True)):
        if index is not None:
            at = None
            continue
        before, after = indexes[number - 1] if number else None, _first(indexes[number + 1 :])
        if at is None:
            jump = slot.origin is None and after is not None
            behind = table.last_before(key.name) if before is None else before
            at = after if jump or (before is None and after is not None) else behind + 1
        line = f"-A {key.name} {slot.rule}" if slot.origin is None else whole[slot.origin].line
        edit.insert(at or 0, line)


def _first(indexes: Iterable[int | None]) -> int | None:
    return next((index for index in indexes if index is not None), None)


def _drop_added(table: Table, lines: Sequence[str], edit: _Edit) -> None:
    """Drop a table that podnet added, once nothing is left in it."""
    inside = {*range(table.start + 1, table.end)}
    filled = any(edit.inserted.get(index) for index in range(table.start + 1, table.end + 1))
    if table.start and lines[table.start - 1] == ADDED_TABLE and inside <= edit.deleted and not filled:
        edit.deleted |= {table.start - 1, table.start, table.end}


def _new_table(name: str, wish: Wish, version: int) -> Iterator[str]:
    """Return the lines of a table that the file does not have; no policy is among them."""
    chains = wish.of_table(name, version)
    yield from (ADDED_TABLE, f"*{name}", *_headers(chains))
    for hook in wish.hooks_of(name, version):
        yield f"-A {hook.name} {wish.jumps[hook]}"
    yield from (*_rules(chains), "COMMIT")


def _headers(chains: Iterable[Chain]) -> Iterator[str]:
    return (f":{chain.key.name} - [0:0]" for chain in chains)


def _rules(chains: Iterable[Chain]) -> Iterator[str]:
    return (f"-A {chain.key.name} {rule}" for chain in chains for rule in chain.rules)
