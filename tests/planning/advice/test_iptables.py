"""Rules that will not be where they are looked for."""

from __future__ import annotations

from netplan.planning.advice.case import Case
from netplan.planning.advice.iptables import warn_of_backend, warn_of_unsaved_rules
from tests import make


def test_a_state_of_another_backend_than_the_wanted_one_is_told():
    desired = make.desired(make.spec(firewall="{backend: legacy}"))
    assert list(warn_of_backend(Case(desired, (), make.snapshot(), live=True))) == [
        "the state is that of iptables-nft, and the spec wants iptables-legacy"
    ]


def test_rules_without_a_file_for_the_next_boot_are_told():
    desired = make.desired(make.spec(firewall="{persist: /etc/iptables/rules.v6}"))
    assert list(warn_of_unsaved_rules(Case(desired, (), make.snapshot(), live=True))) == [
        (
            "the rules for IPv4 are lost at the next boot: cannot determine which file beside /etc/iptables/rules.v6 "
            "is theirs; name one such as rules.v4 or iptables, and rules.v6 or ip6tables is written too"
        )
    ]
