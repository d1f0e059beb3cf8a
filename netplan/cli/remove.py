"""podnet remove: take everything of ours off this node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from netplan.cli.live import kernel_of, live_work, resolved_here
from netplan.cli.nodes import NoNodeError
from netplan.cli.options import LockTimeout, VarDir
from netplan.cli.output import say, show, show_plan
from netplan.cli.persist import Pending, pending
from netplan.cli.progress import bar
from netplan.cli.safety import allowing, check_safe
from netplan.cli.spec import DEFAULT_STATE, AllowUntrusted, NodeName, SpecPath, StateDir, Yes, open_here, trusting
from netplan.cli.verb import verb_app
from netplan.cli.write import Turn, carry_out, confirm, turn
from netplan.compile import Removal, compile_node, nothing
from netplan.errors import UsageError
from netplan.kinds.chain.other import OtherChain
from netplan.kinds.route.value import Route
from netplan.net import counted, printable
from netplan.plan import NodePlan, Plan
from netplan.rollback import taken_over
from netplan.safety import Flag
from netplan.snapshot import Snapshot
from netplan.spec.load import Spec
from netplan.state.origin import Origin
from netplan.work import Work

_LEFT: Final = "a node that was taken out of a spec is cleaned with one that has it still: git log -p {} shows it"

app = verb_app()


class Orders(Struct, frozen=True):
    """What is to be taken away, and how: the spec, what is allowed that is dangerous, without asking."""

    spec: Spec
    flags: frozenset[Flag]
    yes: bool


@app.command()
@allowing(Flag.SESSION, Flag.DEFAULT_ROUTE)
def remove(
    spec: SpecPath,
    *,
    node: NodeName = None,
    state: StateDir = DEFAULT_STATE,
    yes: Yes = False,
    folder: VarDir = None,
    lock_timeout: LockTimeout = 0,
    allow_untrusted_file: AllowUntrusted = False,
    flags: frozenset[Flag],
) -> None:
    """Take everything of podnet's off this node, nothing else."""
    try:
        with trusting(allow=allow_untrusted_file) as judge:
            loaded, here = open_here(spec, node, state, judge)
    except NoNodeError as error:
        raise UsageError(f"{error}; {_LEFT.format(printable(str(spec)))}") from error
    here = resolved_here(here)
    desired = nothing(loaded, here)
    orders = Orders(loaded, flags | {Flag.MANY_DELETES}, yes)  # it takes all of them
    with turn("remove", folder, lock_timeout) as held:
        work = live_work(desired, folder)
        _take_away(work, held, pending(desired, held.store), orders)
        for backend in sorted({chain.owner.backend for chain in work.before.all(OtherChain) if chain.left_behind}):
            with bar.during("reading the kernel"):
                other = Work.live(desired, kernel_of(backend, folder))
            _take_away(other, held, None, orders)
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


def _take_away(work: Work, held: Turn, file: Pending | None, orders: Orders) -> None:
    """Show what is taken away of one backend, ask, and do it."""
    plan = Plan.of(orders.spec, [work.plan])
    show_plan(plan)
    if file is not None:
        show(str(file))
    _warn_of_adoption(held, work.plan)
    check_safe(work, orders.flags)
    confirm(work.plan, file, yes=orders.yes)
    carry_out(work, held, Origin.here("remove", plan, work.plan), file)
