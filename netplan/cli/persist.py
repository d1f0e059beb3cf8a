"""The files of rules that are loaded at boot: looked at before anything is written, and replaced after that."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import Struct

from netplan import rulesfile
from netplan.cli.live import resolved_here
from netplan.cli.output import say
from netplan.compile import Desired, compile_node
from netplan.errors import HalfStateError, RefusedError, UsageError
from netplan.kinds.chain.value import OWNED_PREFIX
from netplan.net import printable
from netplan.spec.load import read

_KERNEL_ONLY: Final = (
    "The kernel is as planned, and after the next boot it would not be; podnet apply SPEC tries again."
)


class File(Struct, frozen=True):
    """The file of an IP version."""

    path: str
    version: int


class Pending(Struct, frozen=True):
    """The files that differ from what they should be, and the node's rules that should be in them."""

    files: tuple[File, ...]
    desired: Desired

    @property
    def paths(self) -> list[str]:
        """Where the files are."""
        return [file.path for file in self.files]

    def __str__(self) -> str:
        return "\n".join(f"persist  {printable(path)}  differs" for path in self.paths)

    def write(self) -> None:
        """Put the rules into the files as they are now; HalfStateError (5) if only the kernel has them in the end."""
        for file in self.files:
            try:
                rulesfile.write(file.path, _merged(file, self.desired)[1])
            except (OSError, RefusedError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                raise HalfStateError(f"{printable(file.path)} can't be written: {why}\n{_KERNEL_ONLY}") from error
            say(f"{printable(file.path)} is as planned too, for the next boot.")


def outdated(desired: Desired | None) -> Pending | None:
    """Give the files that are not what they should be; RefusedError (3) if one can't be read."""
    if desired is None or desired.persist is None:
        return None
    from netplan.persist import file_of

    known = [(file_of(desired.persist, version), version) for version in (4, 6)]
    files = [File(path, version) for path, version in known if path is not None]
    differ = tuple(file for file in files if _differs(file, desired))
    return Pending(differ, desired) if differ else None


def pending(desired: Desired | None) -> Pending | None:
    """Give the files that must change, None if none must; RefusedError (3) if one can't be read or written."""
    found = outdated(desired)
    for file in found.files if found is not None else ():
        rulesfile.check_writable(file.path)
    return found


def of_spec(path: str, digest: str, node: str, state: Path) -> Pending | None:
    """Give the files of a node that must change by a spec which was read before; that it has changed since is said."""
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
    return pending(compile_node(spec, resolved_here(spec.topology.by_name[node])))


def write_of_spec(path: str, digest: str, node: str, state: Path) -> None:
    """Write a node's files by a spec as `of_spec` finds them; HalfStateError (5) if one can't be read or written."""
    try:
        file = of_spec(path, digest, node, state)
    except RefusedError as error:
        raise HalfStateError(f"{error}\n{_KERNEL_ONLY}") from error
    if file is not None:
        file.write()


def _differs(file: File, desired: Desired) -> bool:
    """Whether a file is not as it should be; one of an IP version that the pods don't have holds none of our rules."""
    cared_for = {traffic.version for traffic in desired.watched}
    if file.version not in cared_for and not _holds_ours(file):
        return False
    now, wanted = _merged(file, desired)
    return now != wanted


def _holds_ours(file: File) -> bool:
    """Whether rules of ours are left in a file; what can't be read is none of ours."""
    try:
        return OWNED_PREFIX in (rulesfile.read(file.path) or "")
    except RefusedError:
        return False


def _merged(file: File, desired: Desired) -> tuple[str, str]:
    """Give the text of a file as it is and as it should be."""
    from netplan.persist import SavedRulesError, merge

    text = rulesfile.read(file.path) or ""
    try:
        return text, merge(text, desired, file.version)
    except SavedRulesError as error:
        raise RefusedError(f"{printable(file.path)} can't be read: {error}") from error
