"""Rules that will not be where they are looked for."""

from __future__ import annotations

from netplan.planning.advice.case import Case
from netplan.planning.advice.iptables import warn_of_backend
from tests import make


def test_a_state_of_another_backend_than_the_wanted_one_is_told():
    desired = make.desired(make.spec(firewall="{backend: legacy}"))
    assert list(warn_of_backend(Case(desired, (), make.snapshot(), live=True))) == [
        "the state is that of iptables-nft, and the spec wants iptables-legacy"
    ]
