"""What must be observed of a kernel for whatever a spec may want, and for a trace."""

from __future__ import annotations

from collections.abc import Iterable

from netplan import trace
from netplan.desired.chains import OUR_CHAINS
from netplan.kinds.chain.reach import MANY_RULES
from netplan.kinds.chain.value import ChainKey
from netplan.kinds.snapshot import Interest
from netplan.kinds.sysctl.forwarding import FORWARDING, forwarding_of
from netplan.kinds.sysctl.value import EACH
from netplan.netfilter.iptables.built_in import BUILT_IN_BY_TABLE
from netplan.trace import Flow, Passing


def full_interest(flows: Iterable[Flow] = (), *, limit: int = MANY_RULES) -> Interest:
    """What a record of a node holds: all that a plan for any spec without sysctls or odd chains looks at, and a trace.

    A trace asks for the settings of the devices by which packets come in: those that have an address. With `flows`,
    what a trace of just these looks at. Of a table not more than `limit` rules are read: FEW_RULES for what runs every
    minute.
    """
    chains = frozenset(
        ChainKey(version, table, name)
        for version in (4, 6)
        for table, names in BUILT_IN_BY_TABLE.items()
        for name in names
    )
    settings = {name for device in ("all", EACH) for name in trace.settings_of(device)}
    settings |= {*forwarding_of(EACH).values()}
    sysctls = frozenset({*FORWARDING.values(), *trace.BRIDGE_CALLS.values(), *settings})
    followed = frozenset(flows)
    if followed:
        return Interest(frozenset(OUR_CHAINS), sysctls=sysctls, traced=chains, follows=Passing(followed), limit=limit)
    return Interest(chains | frozenset(OUR_CHAINS), chains, sysctls, limit=limit)
