"""podnet remove: take everything of ours off this node."""

from __future__ import annotations

from netplan.cli.output import say, show, show_plan
from netplan.cli.persist import pending
from netplan.cli.safety import AllowDefaultRoute, AllowSession, allowed, check_safe
from netplan.cli.spec import NodeName, SpecPath, Yes, open_here
from netplan.cli.verb import verb_app
from netplan.cli.write import carry_out, confirm, plan_of
from netplan.compile import nothing
from netplan.kernel.linux import Linux
from netplan.work import Work

app = verb_app()


@app.command()
def remove(
    spec: SpecPath,
    *,
    node: NodeName = None,
    yes: Yes = False,
    allow_session: AllowSession = False,
    allow_default_route: AllowDefaultRoute = False,
) -> None:
    """Take everything of podnet's off this node, nothing else."""
    loaded, here = open_here(spec, node)
    desired = nothing(loaded, here)
    work = Work.live(desired, Linux(desired.backend))
    file = pending(desired)
    show_plan(plan_of(loaded, work))
    if file is not None:
        show(str(file))
    flags = allowed(session=allow_session, default_route=allow_default_route, many_deletes=True)  # it takes all of them
    check_safe(work, flags)
    confirm(work.plan, file, yes=yes)
    carry_out(work, file)
    if work.plan.changes:
        say("Rules that firewall.remove took away, and sysctls, stay as they are: podnet does not put them back.")
