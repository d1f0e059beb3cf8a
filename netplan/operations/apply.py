"""podnet apply: make this node what a spec, or a saved plan, says."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from msgspec.structs import replace

from netplan.desired.compile import backend_of, compile_node
from netplan.operations.interface_wait import await_interface
from netplan.operations.live_plan import LivePlan
from netplan.operations.lock_hold import hold_lock
from netplan.operations.machine import Machine
from netplan.operations.remembered import checked_against
from netplan.operations.request import Dialogue, Options, Outcome, Request, fulfil
from netplan.operations.saved_rules import OutdatedFiles, SpecSource, files_to_write, of_spec
from netplan.planning.plan import NodePlan, Plan
from netplan.spec.load import Spec
from netplan.spec.topology import Node

_SILENT = Dialogue()
_DEFAULT = Options()


def apply_spec(
    machine: Machine, spec: Spec, node: Node, options: Options = _DEFAULT, dialogue: Dialogue = _SILENT
) -> Outcome:
    """Bring this machine to the state that a spec gives a node, once its interface is up; errors as from `fulfil`."""
    await_interface(machine.open_kernel(backend_of(spec)), node, machine.report.note)
    desired = compile_node(spec, machine.resolved(node))
    with hold_lock(machine, "apply", options.lock_timeout) as hold:
        file = files_to_write(desired, machine.store)
        read = partial(machine.plan, desired)
        return fulfil(Request("apply", read, lambda plan: Plan.of(spec, [plan]), options, dialogue, file), hold)


def apply_saved(
    machine: Machine, saved: Plan, state: Path, options: Options = _DEFAULT, dialogue: Dialogue = _SILENT
) -> Outcome:
    """Apply a saved plan of this node alone; StalePlanError (3) if the state that it depends on has changed.

    Below `state` are the leases of its spec, which tells what goes into the file of rules. Errors as from `fulfil`.
    """
    with hold_lock(machine, "apply", options.lock_timeout) as hold:
        plan = checked_against(saved.nodes[0], machine.store.folder, machine.report)
        file = _file_of(machine, saved, state)

        def of(plan: NodePlan) -> Plan:
            return replace(saved, nodes=(plan,))

        return fulfil(Request("apply", partial(_taken_up, machine, plan), of, options, dialogue, file), hold)


def _file_of(machine: Machine, saved: Plan, state: Path) -> OutdatedFiles | None:
    """Return the files that must change with a saved plan; a note says if its spec no longer exists."""
    plan = saved.nodes[0]
    if not plan.persist:
        return None
    source = SpecSource(saved.spec_path, saved.spec_sha256, plan.node)
    return of_spec(source, state, machine.store, machine.resolved, machine.report)


def _taken_up(machine: Machine, plan: NodePlan) -> LivePlan:
    with machine.report.during("reading the kernel"):
        return LivePlan.from_saved(plan, machine.open_kernel(plan.backend))
