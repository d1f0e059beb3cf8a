"""Whether a node is still in the state that the spec gives it: nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from netplan.desired.model import Desired
from netplan.errors import RefusedError
from netplan.kernel import Kernel
from netplan.kinds.chain.reach import FEW_RULES
from netplan.kinds.chain.value import FirewallBackend
from netplan.operations.live_plan import plan_live
from netplan.operations.report import Report
from netplan.operations.saved_rules import OutdatedFiles, differing_files
from netplan.planning.plan import NodePlan
from netplan.store.removed_rules import RemovedRulesFile


class Drift(NamedTuple):
    """The plan that would bring a node to its desired state, and the files for the next boot that differ."""

    plan: NodePlan
    file: OutdatedFiles | None

    @property
    def in_sync(self) -> bool:
        """Whether nothing differs."""
        return self.plan.in_sync and self.file is None


def find_drift(
    desired: Desired, opener: Callable[[FirewallBackend | None], Kernel], folder: Path, report: Report
) -> Drift:
    """Return how a node differs from its desired state; `folder` is where podnet keeps its files.

    RefusedError, ObserveError (3) if the node can't be read.
    """
    live = plan_live(desired, opener, folder, report, limit=FEW_RULES)
    return Drift(live.plan, _readable(desired, RemovedRulesFile(folder), report))


def _readable(desired: Desired, removed_rules: RemovedRulesFile, report: Report) -> OutdatedFiles | None:
    """Return the files for the next boot that differ; one that this user may not read becomes a note."""
    try:
        return differing_files(desired, removed_rules, report)
    except RefusedError as error:
        if not isinstance(error.__cause__, PermissionError):
            raise
        report.note(str(error))
        return None
