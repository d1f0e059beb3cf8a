"""The file of rules that is loaded at boot: looked at before anything is written, and replaced after that."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from netplan import rulesfile
from netplan.cli.output import say
from netplan.compile import Desired, compile_node
from netplan.errors import HalfStateError, RefusedError, UsageError
from netplan.net import printable
from netplan.spec.load import read

_KERNEL_ONLY: Final = (
    "The kernel is as planned, and after the next boot it would not be; podnet apply SPEC tries again."
)


class Pending(NamedTuple):
    """A file that differs from what it should be, and the node's rules that should be in it."""

    path: str
    desired: Desired

    def __str__(self) -> str:
        return f"persist  {printable(self.path)}  differs"

    def write(self) -> None:
        """Put the rules into the file as it is now; HalfStateError (5) if only the kernel has them in the end."""
        try:
            rulesfile.write(self.path, _merged(self.path, self.desired)[1])
        except (OSError, RefusedError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise HalfStateError(f"{printable(self.path)} can't be written: {why}\n{_KERNEL_ONLY}") from error
        say(f"{printable(self.path)} is as planned too, for the next boot.")


def outdated(desired: Desired | None) -> Pending | None:
    """Give the file if it is not what it should be; RefusedError (3) if it can't be read."""
    if desired is None or desired.persist is None:
        return None
    now, wanted = _merged(desired.persist, desired)
    return None if now == wanted else Pending(desired.persist, desired)


def pending(desired: Desired | None) -> Pending | None:
    """Give the file that must change, None if none must; RefusedError (3) if it can't be read or written."""
    found = outdated(desired)
    if found is not None:
        rulesfile.check_writable(found.path)
    return found


def of_spec(path: str, digest: str, node: str, state: Path) -> Pending | None:
    """Give the file of a node that must change by a spec which was read before; that it has changed since is said."""
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
    return pending(compile_node(spec, spec.topology.by_name[node]))


def write_of_spec(path: str, digest: str, node: str, state: Path) -> None:
    """Write the file of a node by a spec as `of_spec` finds it; HalfStateError (5) if it can't be read or written."""
    try:
        file = of_spec(path, digest, node, state)
    except RefusedError as error:
        raise HalfStateError(f"{error}\n{_KERNEL_ONLY}") from error
    if file is not None:
        file.write()


def _merged(path: str, desired: Desired) -> tuple[str, str]:
    """Give the text of a file as it is and as it should be."""
    from netplan.persist import SavedRulesError, merge

    text = rulesfile.read(path) or ""
    try:
        return text, merge(text, desired)
    except SavedRulesError as error:
        raise RefusedError(f"{printable(path)} can't be read: {error}") from error
