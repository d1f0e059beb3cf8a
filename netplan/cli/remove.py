"""podnet remove: take everything of ours off this node."""

from __future__ import annotations

from netplan.cli.output import say, show_plan
from netplan.cli.spec import DEFAULT_STATE, NodeName, SpecPath, StateDir, Yes, open_here
from netplan.cli.verb import verb_app
from netplan.cli.write import LockTimeout, Turn, VarDir, carry_out, confirm, plan_of, turn
from netplan.compile import nothing
from netplan.kernel.linux import Linux
from netplan.kinds.chain.other import OtherChain
from netplan.spec.load import Spec
from netplan.state.origin import Origin
from netplan.work import Work

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
) -> None:
    """Take everything of podnet's off this node, nothing else."""
    loaded, here = open_here(spec, node, state)
    desired = nothing(loaded, here)
    with turn("remove", folder, lock_timeout) as held:
        work = Work.live(desired, Linux(desired.backend))
        _take_away(loaded, work, held, yes=yes)
        for backend in sorted({chain.owner.backend for chain in work.before.all(OtherChain) if chain.left_behind}):
            _take_away(loaded, Work.live(desired, Linux(backend)), held, yes=yes)
    if work.plan.changes:
        say("Rules that firewall.remove took away, and sysctls, stay as they are: podnet does not put them back.")


def _take_away(loaded: Spec, work: Work, held: Turn, *, yes: bool) -> None:
    """Show what is taken away of one backend, ask, and do it."""
    plan = plan_of(loaded, work)
    show_plan(plan)
    confirm(work.plan, yes=yes)
    carry_out(work, held, Origin.here("remove", plan, work.plan))
