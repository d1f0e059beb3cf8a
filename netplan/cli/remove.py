"""podnet remove: take everything of ours off this node."""

from __future__ import annotations

from netplan.cli.output import say, show_plan
from netplan.cli.spec import DEFAULT_STATE, NodeName, SpecPath, StateDir, Yes, open_here
from netplan.cli.verb import verb_app
from netplan.cli.write import carry_out, confirm, plan_of
from netplan.compile import nothing
from netplan.kernel.linux import Linux
from netplan.work import Work

app = verb_app()


@app.command()
def remove(spec: SpecPath, *, node: NodeName = None, state: StateDir = DEFAULT_STATE, yes: Yes = False) -> None:
    """Take everything of podnet's off this node, nothing else."""
    loaded, here = open_here(spec, node, state)
    desired = nothing(loaded, here)
    work = Work.live(desired, Linux(desired.backend))
    show_plan(plan_of(loaded, work))
    confirm(work.plan, yes=yes)
    carry_out(work)
    if work.plan.changes:
        say("Rules that firewall.remove took away, and sysctls, stay as they are: podnet does not put them back.")
