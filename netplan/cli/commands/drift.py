"""podnet drift: whether this node is still in the state of the spec; for cron."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from netplan.cli.context import (
    DEFAULT_STATE,
    AllowUntrusted,
    NodeName,
    SpecPath,
    StateDir,
    kernel_of,
    machine_at,
    open_here,
    resolved_here,
    trusting,
)
from netplan.cli.options import (
    AllowBrokenTraffic,
    AllowDefaultRoute,
    AllowManyDeletes,
    AllowOffLink,
    AllowSession,
    FlushConntrack,
    LockTimeout,
    VarDir,
    verb_app,
)
from netplan.cli.output import Format, say, show, show_json, show_plan, terminal
from netplan.cli.views.lines import DRIFT
from netplan.desired.compile import compile_node
from netplan.desired.model import Desired
from netplan.errors import ExitCode, UsageError
from netplan.net import printable
from netplan.operations.drift import find_drift
from netplan.operations.safety import allowed
from netplan.operations.saved_rules import OutdatedFiles
from netplan.planning.plan import NodePlan, Plan
from netplan.spec.load import Spec
from netplan.store.vardir import var_dir
from netplan.system.outputs import write_file
from netplan.system.trust import FLAG

if TYPE_CHECKING:
    from netplan.operations.machine import Machine
    from netplan.operations.request import Options

app = verb_app()


@app.command()
def drift(
    spec: SpecPath,
    *,
    node: NodeName = None,
    state: StateDir = DEFAULT_STATE,
    format: Annotated[Format, typer.Option(help="How to print the differences.")] = Format.TEXT,
    metrics_file: Annotated[
        Path | None, typer.Option(metavar="FILE.prom", help="Write the count of differences for node_exporter.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Apply what is missing, without asking.")] = False,
    flush_conntrack: FlushConntrack = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    allow_untrusted_file: AllowUntrusted = False,
    session: AllowSession = False,
    default: AllowDefaultRoute = False,
    deletes: AllowManyDeletes = False,
    off_link: AllowOffLink = False,
    broken: AllowBrokenTraffic = False,
) -> None:
    """Compare this node with the spec; exit 1 on any difference."""
    flags = allowed(session=session, default_route=default, many_deletes=deletes, off_link=off_link, broken=broken)
    allowing = dict.fromkeys(map(str, sorted(flags)), True)
    _check_used({"--flush-conntrack": flush_conntrack, FLAG: allow_untrusted_file, **allowing}, fix=fix)
    with trusting(allow=allow_untrusted_file or not fix) as judge:
        loaded, here = open_here(spec, node, state, judge)
    desired, report = compile_node(loaded, resolved_here(here)), _Report(loaded, format, metrics_file)
    if not fix:
        drifted = find_drift(desired, partial(kernel_of, folder=folder), var_dir(folder), terminal)
        report.show(report.whole(drifted.plan), drifted.file)
        raise typer.Exit(ExitCode.DONE if drifted.in_sync else ExitCode.DIFFERENCES)
    from netplan.operations.request import Options

    rest = _fixed(report, desired, machine_at(folder), Options(flags, flush_conntrack, lock_timeout=lock_timeout))
    raise typer.Exit(ExitCode.DONE if rest.in_sync else ExitCode.DIFFERENCES)


def _check_used(options: dict[str, bool], *, fix: bool) -> None:
    """Raise UsageError (2) for the first option that is used without the `fix` that it goes with."""
    used = [option for option, is_used in options.items() if is_used]
    if used and not fix:
        raise UsageError(f"{used[0]} goes with --fix: without it, drift changes nothing")


def _fixed(report: _Report, desired: Desired, machine: Machine, options: Options) -> NodePlan:
    """Apply what can be applied, name what blocks the rest, and count that, whose plan is returned."""
    from netplan.cli.ask import dialogue
    from netplan.operations.fix import fix

    fixed = fix(machine, report.spec, desired, options, dialogue(yes=True, show=lambda shown: report.show(*shown)))
    for obstacle in fixed.obstacles:
        say(f"podnet cannot fix what is blocked on this: {printable(str(obstacle))}")
    report.measure(fixed.rest)
    return fixed.rest


class _Report(NamedTuple):
    """How the differences of a node are shown, and the file in which they are counted, if any."""

    spec: Spec
    format: Format
    metrics_file: Path | None

    def whole(self, plan: NodePlan) -> Plan:
        """Return the plan of the node as a plan of its cluster."""
        return Plan.of(self.spec, [plan])

    def show(self, plan: Plan, file: OutdatedFiles | None) -> None:
        """Show and count the differences."""
        _show(plan, file, self.format)
        self.measure(plan.nodes[0])

    def measure(self, plan: NodePlan) -> None:
        """Write the metrics of the node as it is now, if there is a file for them."""
        if self.metrics_file is not None:
            from netplan.cli.views.metrics import drift_metrics

            write_file(self.metrics_file, drift_metrics(self.spec.model.cluster, plan, time.time()))


def _show(plan: Plan, file: OutdatedFiles | None, format: Format) -> None:
    if format is Format.JSON:
        from netplan.planning.plan_json import plan_to_json

        persist = {"persist": {"path": file.paths[0], "paths": file.paths, "differs": True}} if file else {}
        show_json({**plan_to_json(plan), **persist})
    else:
        show_plan(plan, DRIFT)
        if file is not None:
            show(str(file))
