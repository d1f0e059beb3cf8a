"""The files of rules that are loaded at boot: looked at before anything is written, and replaced after that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from netplan.cli.live import resolved_here
from netplan.cli.output import say, show, show_plan
from netplan.desired.compile import compile_node
from netplan.desired.model import Desired
from netplan.errors import HalfStateError, RefusedError, StoreError, UsageError
from netplan.kinds.chain.removed_rules import TakenFrom, TakenRules, rules_for
from netplan.kinds.chain.saved_tables import SavedRulesError
from netplan.kinds.chain.value import OWNED_PREFIX, ChainKey
from netplan.net import printable
from netplan.netfilter.iptables.rule import Rule
from netplan.operations import saved_rules
from netplan.planning.plan import Plan
from netplan.planning.rules_file import NOTHING, Merged, Wish, file_of, merge
from netplan.spec.load import read
from netplan.store.removed_rules import TakenFile

if TYPE_CHECKING:
    from netplan.operations.rollback import WayBack
    from netplan.store.store import Store

_KERNEL_ONLY: Final = (
    "The kernel is as planned, and after the next boot it would not be; podnet apply SPEC tries again."
)


class File(Struct, frozen=True):
    """The file of an IP version, what should be in it, what was taken out of it, and which versions pods may have."""

    path: str
    version: int
    wish: Wish
    taken: TakenFrom | None = None
    cared_for: Set[int] = frozenset()


class Pending(Struct, frozen=True):
    """The files that differ from what they should be."""

    files: tuple[File, ...]

    @property
    def paths(self) -> list[str]:
        """Where the files are."""
        return [file.path for file in self.files]

    def __str__(self) -> str:
        return "\n".join(f"persist  {printable(path)}  differs" for path in self.paths)

    def write(self, store: Store) -> None:
        """Put the rules into the files as they are now; HalfStateError (5) if only the kernel has them in the end.

        What is taken out of one is remembered before that, and what comes back is forgotten after.
        """
        for file in self.files:
            try:
                _write(file, store)
            except (OSError, RefusedError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                raise HalfStateError(f"{printable(file.path)} can't be written: {why}\n{_KERNEL_ONLY}") from error


def _write(file: File, store: Store) -> None:
    known, generation = store.taken.read(), store.generations.newest
    file = replace(file, taken=known.get(file.path))
    now, merged = _merged(file, generation)
    known[file.path] = _remembered(file, now, generation, merged.meanwhile)
    store.taken.keep(known.values())
    saved_rules.write(file.path, merged.text, keep=known[file.path].empty)
    known[file.path] = replace(known[file.path], rules=merged.taken)
    store.taken.keep(known.values())
    say(f"{printable(file.path)} is as planned too, for the next boot.")
    for line in merged.returned:
        say(f"{printable(line)} is back in it.")
    for entry in merged.lost:
        say(f"{printable(entry.line)} of table {entry.chain.table} can't be put back into it: the chain is not there.")


def _remembered(file: File, now: str | None, generation: int, rules: tuple[TakenRules, ...]) -> TakenFrom:
    """Return what is remembered of a file that holds a text now, None if it is not there, and of what is out of it."""
    if file.taken is None:
        return TakenFrom(file.path, file.version, generation, rules, empty=now == "")
    return replace(file.taken, rules=rules, empty=file.taken.empty if now else now == "")


def show_with_file(plan: Plan, file: Pending | None = None) -> None:
    """Show a plan as text, and the files that wait for the rules."""
    show_plan(plan)
    if file is not None:
        show(str(file))


def outdated(desired: Desired, taken: TakenFile) -> Pending | None:
    """Return the files that are not what they should be; RefusedError (3) if one can't be read.

    For a verb that only looks at them: where podnet can't read what it took out of them, that is a warning, and what
    should come back is left out. A verb that writes would forget it: see `pending`.
    """
    try:
        known = taken.read()
    except StoreError as error:
        say(f"warning: {printable(str(error))}")
        known = {}
    return _differing(_files(desired, known))


def pending(desired: Desired, store: Store) -> Pending | None:
    """Return the files that must change, None if none must; RefusedError (3) if one can't be read or written.

    StoreError (3) if what podnet took out of them can't be read.
    """
    return _writable(_differing(_files(desired, store.taken.read())))


def rolled_back(way: WayBack, store: Store) -> Pending | None:
    """Return the files that must change to go with an earlier state; RefusedError (3) as from `pending`.

    Into which files podnet's rules were put before it remembered that is not known: those stay as they are.
    """
    known = store.taken.read()
    files = (File(path, of.version, _as_in(way, of), of, {of.version}) for path, of in known.items())
    return _writable(_differing(files))


def _as_in(way: WayBack, taken: TakenFrom) -> Wish:
    if way.generation < taken.since:
        return NOTHING
    removed: dict[ChainKey, set[Rule]] = {}
    touched = ((placed.chain, placed.rule) for placed in way.touched_rules if not placed.ours)
    for key, rule in (*touched, *rules_for(taken.rules, way.generation)):
        if rule not in way.target.rules(key):
            removed.setdefault(key, set()).add(rule)
    return Wish.as_in(way.target, removed)


def _files(desired: Desired, known: Mapping[str, TakenFrom]) -> Iterator[File]:
    """Return the files that a spec names, and those that an earlier one named, which are to be as before podnet."""
    wish = Wish.of(desired)
    versions = (4, 6) if desired.persist is not None else ()
    named = {file_of(desired.persist or "", version): version for version in versions}
    for path, version in named.items():
        if path is not None:
            yield File(path, version, wish, known.get(path), {traffic.version for traffic in desired.reported_traffic})
    for path in known.keys() - named.keys():
        yield File(path, known[path].version, NOTHING, known[path], frozenset())


def _differing(files: Iterable[File]) -> Pending | None:
    differ = tuple(file for file in files if _differs(file))
    return Pending(differ) if differ else None


def _writable(file: Pending | None) -> Pending | None:
    for path in file.paths if file is not None else ():
        saved_rules.check_writable(path)
    return file


def of_spec(path: str, digest: str, node: str, state: Path, store: Store) -> Pending | None:
    """Return the files of a node that must change by a spec that was read before; that it has changed since is said."""
    try:
        spec = read(Path(path), state)
    except UsageError:
        spec = None
    if spec is None or spec.sha256 != digest:
        say(
            f"The rules for the next boot stay as they are: {printable(path)} is not here as it was when the plan was "
            "made. podnet apply SPEC brings them up to date."
        )
        return None
    if node not in spec.topology.by_name:
        raise RefusedError(f"{printable(path)} has no node {node}: podnet plan --out saves a plan for one that it has")
    return pending(compile_node(spec, resolved_here(spec.topology.by_name[node])), store)


def write_of_spec(path: str, digest: str, node: str, state: Path, store: Store) -> None:
    """Write a node's files by a spec as `of_spec` finds them; HalfStateError (5) if one can't be read or written."""
    try:
        file = of_spec(path, digest, node, state, store)
    except RefusedError as error:
        raise HalfStateError(f"{error}\n{_KERNEL_ONLY}") from error
    if file is not None:
        file.write(store)


def _differs(file: File) -> bool:
    """Whether a file is not as it should be; one of an IP version that pods don't have must have none of our rules."""
    remembered = file.taken is not None and file.taken.rules
    if file.version not in file.cared_for and not remembered and not _holds_ours(file):
        return False
    now, merged = _merged(file)
    return (now or "") != merged.text


def _holds_ours(file: File) -> bool:
    """Whether rules of ours are left in a file; what can't be read is none of ours."""
    try:
        return OWNED_PREFIX in (saved_rules.read(file.path) or "")
    except RefusedError:
        return False


def _merged(file: File, generation: int = 0) -> tuple[str | None, Merged]:
    """Return the text of a file as it is, None if it is not there, and the file as it should be."""
    text = saved_rules.read(file.path)
    try:
        return text, merge(text or "", file.wish, file.version, file.taken.rules if file.taken else (), generation)
    except SavedRulesError as error:
        raise RefusedError(f"{printable(file.path)} can't be read: {error}") from error
