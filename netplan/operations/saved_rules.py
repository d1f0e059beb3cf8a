"""The files of rules that are loaded at boot: checked before anything is written, and replaced after that.

A file is read whole, and replaced in one step that outlasts a power failure.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from netplan.desired.compile import compile_node
from netplan.desired.model import Desired
from netplan.errors import HalfStateError, RefusedError, StoreError, UsageError
from netplan.kinds.chain.removed_rules import FileRemovals, RemovedRules, rules_for
from netplan.kinds.chain.saved_tables import SavedRulesError
from netplan.kinds.chain.value import OWNED_PREFIX, ChainKey
from netplan.net import printable
from netplan.netfilter.iptables.rule import Rule
from netplan.operations.report import Report
from netplan.planning.rules_file import NOTHING, Merged, Wish, file_of, merge
from netplan.spec.load import read
from netplan.spec.topology import Node
from netplan.store.removed_rules import RemovedRulesFile
from netplan.system import files
from netplan.system.files import MAX_BYTES, located, sync
from netplan.system.trust import own_links

if TYPE_CHECKING:
    from netplan.operations.rollback_target import RollbackTarget
    from netplan.store.store import Store

_MODE: Final = 0o600
_KERNEL_ONLY: Final = (
    "The kernel is as planned, and after the next boot it would not be; podnet apply SPEC tries again."
)


class File(Struct, frozen=True):
    """The file of an IP version, what should be in it, what was removed from it, and which IP versions pods have."""

    path: str
    version: int
    wish: Wish
    removals: FileRemovals | None = None
    pod_versions: Set[int] = frozenset()


class OutdatedFiles(Struct, frozen=True):
    """The files that differ from what they should be."""

    files: tuple[File, ...]

    @property
    def paths(self) -> list[str]:
        """Where the files are."""
        return [file.path for file in self.files]

    def __str__(self) -> str:
        return "\n".join(f"persist  {printable(path)}  differs" for path in self.paths)

    def write(self, store: Store, report: Report) -> None:
        """Put the rules into the files as they are now; HalfStateError (5) if only the kernel has them in the end.

        What is removed from a file is remembered before that, and what comes back is forgotten after.
        """
        for file in self.files:
            try:
                _write(file, store, report)
            except (OSError, RefusedError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                raise HalfStateError(f"{printable(file.path)} can't be written: {why}\n{_KERNEL_ONLY}") from error


def _write(file: File, store: Store, report: Report) -> None:
    known, generation = store.removed_rules.read(), store.generations.newest
    file = replace(file, removals=known.get(file.path))
    now, merged = _merged(file, generation)
    known[file.path] = _remembered(file, now, generation, merged.meanwhile)
    store.removed_rules.keep(known.values())
    write_rules(file.path, merged.text, keep=known[file.path].empty)
    known[file.path] = replace(known[file.path], chains=merged.removed)
    store.removed_rules.keep(known.values())
    report.note(f"{file.path} is as planned too, for the next boot.")
    for line in merged.returned:
        report.note(f"{line} is back in it.")
    for entry in merged.lost:
        report.note(f"{entry.line} of table {entry.chain.table} can't be put back into it: the chain is not there.")


def _remembered(file: File, now: str | None, generation: int, chains: tuple[RemovedRules, ...]) -> FileRemovals:
    """Return what is remembered of a file: its text `now`, None if it does not exist, and what is removed from it."""
    if file.removals is None:
        return FileRemovals(file.path, file.version, generation, chains, empty=now == "")
    return replace(file.removals, chains=chains, empty=file.removals.empty if now else now == "")


def differing_files(desired: Desired, removed_rules: RemovedRulesFile, report: Report) -> OutdatedFiles | None:
    """Return the files that are not what they should be; RefusedError (3) if one can't be read.

    For a verb that only reads them: that podnet can't read what it removed from them is a warning, and what should come
    back is left out. A verb that writes would forget it: see `files_to_write`.
    """
    try:
        known = removed_rules.read()
    except StoreError as error:
        report.note(f"warning: {error}")
        known = {}
    return _differing(_files(desired, known))


def files_to_write(desired: Desired, store: Store) -> OutdatedFiles | None:
    """Return the files that must change, None if none must; RefusedError (3) if one can't be read or written.

    StoreError (3) if what podnet removed from them can't be read.
    """
    return _writable(_differing(_files(desired, store.removed_rules.read())))


def rolled_back(rollback: RollbackTarget, store: Store) -> OutdatedFiles | None:
    """Return the files that must change to go with an earlier state; RefusedError (3) as from `files_to_write`.

    Into which files podnet put its rules before it remembered that is unknown: those stay as they are.
    """
    known = store.removed_rules.read()
    files = (
        File(path, removals.version, _as_in(rollback, removals), removals, {removals.version})
        for path, removals in known.items()
    )
    return _writable(_differing(files))


def _as_in(rollback: RollbackTarget, removals: FileRemovals) -> Wish:
    if rollback.generation < removals.since:
        return NOTHING
    removed: dict[ChainKey, set[Rule]] = {}
    touched = ((placed.chain, placed.rule) for placed in rollback.touched_rules if not placed.ours)
    for key, rule in (*touched, *rules_for(removals.chains, rollback.generation)):
        if rule not in rollback.state.rules(key):
            removed.setdefault(key, set()).add(rule)
    return Wish.as_in(rollback.state, removed)


def _files(desired: Desired, known: Mapping[str, FileRemovals]) -> Iterator[File]:
    """Return the files that a spec names, and those that an earlier one named: those are to be as before podnet."""
    wish = Wish.of(desired)
    versions = (4, 6) if desired.persist is not None else ()
    named = {file_of(desired.persist or "", version): version for version in versions}
    for path, version in named.items():
        if path is not None:
            yield File(path, version, wish, known.get(path), {traffic.version for traffic in desired.reported_traffic})
    for path in known.keys() - named.keys():
        yield File(path, known[path].version, NOTHING, known[path], frozenset())


def _differing(files: Iterable[File]) -> OutdatedFiles | None:
    differ = tuple(file for file in files if _differs(file))
    return OutdatedFiles(differ) if differ else None


def _writable(file: OutdatedFiles | None) -> OutdatedFiles | None:
    for path in file.paths if file is not None else ():
        check_writable(path)
    return file


class SpecSource(NamedTuple):
    """Where a plan comes from: the path and the SHA-256 of its spec, and the node that it is for."""

    path: str
    sha256: str
    node: str


def of_spec(
    source: SpecSource, state: Path, store: Store, resolve: Callable[[Node], Node], report: Report
) -> OutdatedFiles | None:
    """Return the files of a node that must change by a spec that was read before; a note says if it changed since.

    `resolve` fills in what the spec leaves to the devices of the node. Errors as from `files_to_write`.
    """
    try:
        spec = read(Path(source.path), state)
    except UsageError:
        spec = None
    if spec is None or spec.sha256 != source.sha256:
        report.note(
            f"The rules for the next boot stay as they are: {source.path} is not here as it was when the plan was "
            "made. podnet apply SPEC brings them up to date."
        )
        return None
    node = spec.topology.by_name.get(source.node)
    if node is None:
        raise RefusedError(
            f"{printable(source.path)} has no node {source.node}: podnet plan --out saves a plan for one that it has"
        )
    return files_to_write(compile_node(spec, resolve(node)), store)


def write_of_spec(
    source: SpecSource, state: Path, store: Store, resolve: Callable[[Node], Node], report: Report
) -> None:
    """Write a node's files by a spec as `of_spec` finds them; HalfStateError (5) if one can't be read or written."""
    try:
        file = of_spec(source, state, store, resolve, report)
    except RefusedError as error:
        raise HalfStateError(f"{error}\n{_KERNEL_ONLY}") from error
    if file is not None:
        file.write(store, report)


def _differs(file: File) -> bool:
    """Whether a file differs from what it should be; that of an IP version without pods must have none of our rules."""
    remembered = file.removals is not None and file.removals.chains
    if file.version not in file.pod_versions and not remembered and not _holds_ours(file):
        return False
    now, merged = _merged(file)
    return (now or "") != merged.text


def _holds_ours(file: File) -> bool:
    """Whether rules of ours are left in a file; one that can't be read counts as without."""
    try:
        return OWNED_PREFIX in (read_rules(file.path) or "")
    except RefusedError:
        return False


def _merged(file: File, generation: int = 0) -> tuple[str | None, Merged]:
    """Return the text of a file as it is, None if it does not exist, and the file as it should be."""
    text = read_rules(file.path)
    try:
        return text, merge(
            text or "", file.wish, file.version, file.removals.chains if file.removals else (), generation
        )
    except SavedRulesError as error:
        raise RefusedError(f"{printable(file.path)} can't be read: {error}") from error


def read_rules(path: str) -> str | None:
    """Return the text of the file, None if there is none; RefusedError (3) if it can't be read, or is no file.

    Bytes that are not UTF-8 are carried through as surrogates, and line endings as they are.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise RefusedError(f"{printable(path)} is not a file; firewall.persist names one")
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RefusedError(f"{printable(path)} can't be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise RefusedError(f"{printable(path)} is larger than {MAX_BYTES >> 20} MiB: that is not a file of rules")
    return content.decode(errors="surrogateescape")


def check_writable(path: str) -> None:
    """Raise RefusedError (3) if there is no folder in which the file could be replaced."""
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise RefusedError(
            f"there is no folder {printable(str(folder))} for firewall.persist: "
            "apt-get install iptables-persistent makes /etc/iptables"
        )
    if not os.access(folder, os.W_OK):
        raise RefusedError(f"{printable(path)} can't be written: the folder does not permit it")


def write_rules(path: str, text: str, *, keep: bool = False) -> None:
    """Replace the file; if nothing is left in it, delete it unless `keep`.

    A symbolic link stays, and its target is replaced. Owner, mode and extended attributes are kept; a new file is
    accessible to its owner alone. OSError if it can't be done, RefusedError (3) for a link of another user.
    """
    if text or keep:
        files.replace(Path(path), [text.encode(errors="surrogateescape")], own_links, mode=_MODE)
        return
    with located(Path(path), own_links) as place:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(place.name, dir_fd=place.folder)
        sync(".", folder=place.folder)
