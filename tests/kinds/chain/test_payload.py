from __future__ import annotations

import pytest

from netplan.kinds.chain.edit import ConflictError
from netplan.kinds.chain.payload import payload
from netplan.kinds.chain.value import Chain, PlacedRule, jump_to
from netplan.kinds.resource import Change
from tests import make

FULL = Chain(make.MASQUERADE_CHAIN, make.rules("-s 172.7.0.0/16 -j ACCEPT", "-j RETURN"))
JUMP = jump_to(make.MASQUERADE_CHAIN)


def lines(*changes, rules=()):
    """Return what is sent to iptables-restore for table nat; `rules` are those of POSTROUTING now."""
    now = {make.POSTROUTING: Chain(make.POSTROUTING, make.rules(*rules), "ACCEPT")}
    return payload("nat", [Change(before, after, make.WHY) for before, after in changes], now).split("\n")


def placed(rule, position=1):
    return PlacedRule(make.POSTROUTING, position, rule)


def test_a_chain_is_made_and_filled_in_one_transaction():
    assert lines((None, FULL)) == [
        "*nat",
        ":PODNET-POSTROUTING - [0:0]",
        "-A PODNET-POSTROUTING -s 172.7.0.0/16 -j ACCEPT",
        "-A PODNET-POSTROUTING -j RETURN",
        "COMMIT",
        "",
    ]


def test_a_chain_that_changes_is_emptied_and_filled_anew():
    assert lines((Chain(FULL.key), FULL)) == lines((None, FULL))


def test_a_chain_is_there_before_a_rule_leads_into_it():
    assert lines((None, placed(JUMP)), (None, Chain(FULL.key)))[1:3] == [
        ":PODNET-POSTROUTING - [0:0]",
        f"-I POSTROUTING 1 {JUMP}",
    ]


def test_a_chain_goes_when_no_rule_leads_into_it_any_more():
    assert lines((FULL, None), (placed(JUMP), None), rules=[str(JUMP)])[1:4] == [
        f"-D POSTROUTING {JUMP}",
        "-F PODNET-POSTROUTING",
        "-X PODNET-POSTROUTING",
    ]


def test_chains_that_lead_into_each_other_are_emptied_before_they_go():
    other = Chain(FULL.key._replace(name="PODNET-X"))
    assert [line[:2] for line in lines((FULL, None), (other, None))[1:5]] == ["-F", "-F", "-X", "-X"]


def test_no_built_in_chain_is_named_by_a_header():
    assert not [line for line in lines((None, FULL), (None, placed(JUMP))) if line.startswith(":POSTROUTING")]


def test_a_rule_that_is_not_there_any_more_is_a_conflict():
    with pytest.raises(ConflictError):
        lines((placed(JUMP), None))


def test_a_rule_stands_at_its_place_after_others_have_gone():
    docker = make.rule(make.DOCKER_MASQUERADE)
    written = lines((placed(docker), None), (None, placed(JUMP, 2)), rules=[make.DOCKER_MASQUERADE, "-j LOG"])
    assert written[1:3] == [f"-D POSTROUTING {docker}", f"-I POSTROUTING 2 {JUMP}"]
