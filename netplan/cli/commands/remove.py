"""podnet remove: take everything of ours off this node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from netplan.cli.ask import Order, Turn, carry_out, turn
from netplan.cli.context import (
    DEFAULT_STATE,
    AllowUntrusted,
    NodeName,
    NoNodeError,
    SpecPath,
    StateDir,
    Yes,
    kernel_of,
    open_here,
    resolved_here,
    trusting,
)
from netplan.cli.options import AllowDefaultRoute, AllowSession, LockTimeout, VarDir, verb_app
from netplan.cli.output import say, show_with_file, terminal
from netplan.cli.progress import bar
from netplan.desired.compile import compile_node, compile_removal
from netplan.desired.model import Desired, Removal
from netplan.errors import UsageError
from netplan.kinds.chain.value import FirewallBackend
from netplan.kinds.foreign_chain.value import OtherChain
from netplan.kinds.route.value import Route
from netplan.kinds.snapshot import Snapshot
from netplan.net import counted, printable
from netplan.operations.live_plan import LivePlan, plan_live
from netplan.operations.rollback import taken_over
from netplan.operations.safety import allowed
from netplan.operations.saved_rules import Pending, pending
from netplan.planning.plan import NodePlan, Plan
from netplan.store.vardir import var_dir

_LEFT: Final = "a node that was taken out of a spec is cleaned with one that has it still: git log -p {} shows it"

app = verb_app()


@app.command()
def remove(
    spec: SpecPath,
    *,
    node: NodeName = None,
    state: StateDir = DEFAULT_STATE,
    yes: Yes = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    allow_untrusted_file: AllowUntrusted = False,
    allow_session: AllowSession = False,
    allow_default_route: AllowDefaultRoute = False,
) -> None:
    """Take everything of podnet's off this node, nothing else."""
    flags = allowed(session=allow_session, default_route=allow_default_route, many_deletes=True)  # all of them go
    try:
        with trusting(allow=allow_untrusted_file) as judge:
            loaded, here = open_here(spec, node, state, judge)
    except NoNodeError as error:
        raise UsageError(f"{error}; {_LEFT.format(printable(str(spec)))}") from error
    here = resolved_here(here)
    desired = compile_removal(loaded, here)

    def take_away(read: Callable[[], LivePlan], file: Pending | None) -> LivePlan:
        def present(plan: Plan) -> None:
            show_with_file(plan, file)
            _warn_of_adoption(held, plan.nodes[0])

        order = Order("remove", read, lambda plan: Plan.of(loaded, [plan]), present, flags, yes, file)
        return carry_out(order, held)

    with turn("remove", folder, lock_timeout) as held:
        work = take_away(
            partial(plan_live, desired, partial(kernel_of, folder=folder), var_dir(folder), terminal),
            pending(desired, held.store),
        )
        for backend in sorted({chain.owner.backend for chain in work.before.all(OtherChain) if chain.left_behind}):
            take_away(partial(_left_behind, desired, backend, folder), None)
    if work.plan.changes:
        for line in (*_dead(work.plan), *_stay_away(compile_node(loaded, here).removals, work.before)):
            say(line)


def _dead(plan: NodePlan) -> Iterator[str]:
    """Say which pods no longer reach each other."""
    deleted = (change.before for change in plan.changes if change.after is None)
    routes = {route.prefix for route in deleted if isinstance(route, Route) and route.type == "unicast"}
    if routes:
        others = counted(len(routes), "other subnet")
        yield f"Pods here and those of {others} no longer reach each other, unless another program routes them."


def _stay_away(removals: Iterable[Removal], state: Snapshot) -> Iterator[str]:
    """Say which rules that the spec removes are not in the kernel, and come back only by those who made them."""
    absent = [each for each in removals if each.chain in state.chains and each.rule not in state.rules(each.chain)]
    if absent:
        yield "Not put back into the kernel (the programs that made them do so as they start), if they were there:"
    yield from (f"  {removal.chain}: {printable(str(removal.rule))}" for removal in absent)


def _warn_of_adoption(held: Turn, plan: NodePlan) -> None:
    """Warn of what was another program's before podnet took it over, and is not given back by taking it away."""
    deleted = [change.before for change in plan.changes if change.before is not None and change.after is None]
    taken = taken_over(held.store.generations.all(), deleted)
    if taken is not None:
        say(
            f"warning: podnet took over {printable(str(taken))} from another program. remove deletes that, and this "
            f"node has no pod network then: `podnet rollback {taken.generation}` gives back what that program had "
            "made, also after remove"
        )


def _left_behind(desired: Desired, backend: FirewallBackend | None, folder: Path | None) -> LivePlan:
    """Plan for the rules of another backend."""
    with bar.during("reading the kernel"):
        return LivePlan.from_kernel(desired, kernel_of(backend, folder))
