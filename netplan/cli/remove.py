"""podnet remove: take everything of ours off this node."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from netplan.cli.live import kernel_of, live_work, resolved_here
from netplan.cli.nodes import NoNodeError
from netplan.cli.options import LockTimeout, VarDir
from netplan.cli.output import say, show, show_plan
from netplan.cli.persist import Pending, pending
from netplan.cli.progress import bar
from netplan.cli.safety import allowing, check_safe
from netplan.cli.spec import DEFAULT_STATE, NodeName, SpecPath, StateDir, Yes, open_here
from netplan.cli.verb import verb_app
from netplan.cli.write import Turn, carry_out, confirm, turn
from netplan.compile import nothing
from netplan.errors import UsageError
from netplan.kinds.chain.other import OtherChain
from netplan.net import printable
from netplan.plan import Plan
from netplan.safety import Flag
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
    flags: frozenset[Flag],
) -> None:
    """Take everything of podnet's off this node, nothing else."""
    try:
        loaded, here = open_here(spec, node, state)
    except NoNodeError as error:
        raise UsageError(f"{error}; {_LEFT.format(printable(str(spec)))}") from error
    desired = nothing(loaded, resolved_here(here))
    orders = Orders(loaded, flags | {Flag.MANY_DELETES}, yes)  # it takes all of them
    with turn("remove", folder, lock_timeout) as held:
        work = live_work(desired, folder)
        _take_away(work, held, pending(desired, held.store), orders)
        for backend in sorted({chain.owner.backend for chain in work.before.all(OtherChain) if chain.left_behind}):
            with bar.during("reading the kernel"):
                other = Work.live(desired, kernel_of(backend))
            _take_away(other, held, None, orders)
    if work.plan.changes and loaded.model.firewall.remove:
        say("Rules that firewall.remove took away are not put back: the programs that made them do so as they start.")


def _take_away(work: Work, held: Turn, file: Pending | None, orders: Orders) -> None:
    """Show what is taken away of one backend, ask, and do it."""
    plan = Plan.of(orders.spec, [work.plan])
    show_plan(plan)
    if file is not None:
        show(str(file))
    check_safe(work, orders.flags)
    confirm(work.plan, file, yes=orders.yes)
    carry_out(work, held, Origin.here("remove", plan, work.plan), file)
