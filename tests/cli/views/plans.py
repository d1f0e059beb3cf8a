"""Plans of nodes for the tests of what people read of them."""

from __future__ import annotations

from msgspec.structs import replace

from netplan.cli.views.markdown import plan_markdown
from netplan.cli.views.text import plan_text
from netplan.desired.checks import Check, Command
from netplan.errors import Location
from netplan.kinds.chain.value import Chain, FirewallBackend, PlacedRule, jump_to
from netplan.kinds.resource import Change, Reason
from netplan.net import Address
from netplan.planning.plan import NodePlan, Source
from tests import make

AT = Location("specs/hdss7.yaml", 22, 5)
JUMP = jump_to(make.MASQUERADE_CHAIN)
DOCKER = make.rule(make.DOCKER_MASQUERADE)


def node(*changes, name="a", source=Source.LIVE, warnings=(), refusals=(), backend=FirewallBackend.NFT):
    """Make a node's plan of pairs of before and after."""
    changed = tuple(Change(before, after, Reason("because", AT)) for before, after in changes)
    return NodePlan(name, Address.parse("10.4.7.21"), source, backend, changed, {}, warnings, refusals)


def text(*nodes, **options):
    """Return the lines of a plan as a terminal shows them, without colour."""
    return plan_text(make.plans(*nodes), **options).plain.split("\n")


def markdown(*nodes):
    """Return the lines of a plan as markdown."""
    return plan_markdown(make.plans(*nodes)).split("\n")


def placed(rule, position=2):
    """Return a rule at a place of POSTROUTING."""
    return PlacedRule(make.POSTROUTING, position, rule)


def with_check(name="a", command=("curl", "-sf", "x" * 300)):
    """Return a plan that makes a chain of two rules, and runs a command in the end."""
    chain = Chain(make.MASQUERADE_CHAIN, make.rules("-d 172.7.0.0/16 -j ACCEPT", "-j MASQUERADE"))
    check = Check(Command(command), 5, Location("specs/c.yaml", 9, 3))
    return replace(node((None, chain), name=name), checks=(check,))
