"""podnet lease: a subnet for each node to which the spec gives none, kept in a file that is committed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from netplan.errors import UsageError
from netplan.net import printable
from netplan.operations.report import Report
from netplan.spec.lease_allocation import Leasing, Rename, lease
from netplan.spec.lease_file import Leases
from netplan.spec.load import read_unjudged
from netplan.system.outputs import write_file


class LeasesWritten(NamedTuple):
    """What a lease changed, and the leases of before with the path of their file."""

    leasing: Leasing
    leases: Leases

    @property
    def anything(self) -> bool:
        """Whether anything was changed, and so written."""
        leasing = self.leasing
        return bool(leasing.allocated or leasing.released or leasing.renamed)


def lease_subnets(
    spec: Path, state: Path, report: Report, release: Sequence[str] = (), rename: Rename | None = None
) -> LeasesWritten:
    """Lease what is missing, free what is to be released, and write that to the leases file below a state folder.

    Errors as from `lease_allocation.lease`, and UsageError (2) if the file can't be written.
    """
    with report.during(f"reading {printable(spec.name)}"):
        reading = read_unjudged(spec, state)
        written = LeasesWritten(lease(reading, list(dict.fromkeys(release)), rename), reading.leases)
    if written.anything:
        _write(Path(written.leases.path), written.leasing.text)
    return written


def _write(path: Path, text: str) -> None:
    """Write the leases, in a new folder for a new cluster."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent} can't be made: {error.strerror}") from error
    write_file(path, text)
