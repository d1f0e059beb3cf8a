"""Where our jumps belong and which rules must not be there, as a generation keeps it."""

from __future__ import annotations

import json

import pytest

from netplan.desired.compile import compile_removal
from netplan.desired.hooks import Hook, hooks_from_json, hooks_of, hooks_to_json
from tests import make
from tests.spec.test_families import DUAL, A, B

HOOKS = hooks_of(make.desired(make.spec(A, B, **DUAL, firewall=make.REMOVE)))


def test_hooks_are_read_back_from_json_as_they_were():
    assert hooks_from_json(json.loads(json.dumps(hooks_to_json(HOOKS)))) == HOOKS


def test_hooks_that_are_not_known_are_not_kept():
    assert (hooks_to_json(None), hooks_from_json({})) == ({}, None)


def test_a_hook_finds_its_place_by_the_traffic_of_its_ip_version():
    standing = {hook.chain.version: hook.standing for hook in HOOKS}
    versions = {version: jump.pods.version for version, jump in standing.items() if jump and jump.pods}
    assert versions == {4: 4, 6: 6}


def test_the_rules_that_a_spec_removes_are_those_of_their_chain():
    (forward,) = [hook for hook in HOOKS if hook.chain == make.FORWARD]
    assert [str(rule) for rule in forward.removed] == [make.REJECT]


def test_where_podnet_leaves_no_chain_is_wanted_anything_of():
    spec = make.spec()
    assert hooks_of(compile_removal(spec, spec.topology.nodes[0])) == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"jump": {"rule": "-j ACCEPT", "place": "late"}}, "-j ACCEPT is no jump of podnet's"),
        ({"table": "natt"}, "there is no table 'natt'"),
    ],
)
def test_json_that_is_no_hook_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Hook.from_json({**HOOKS[0].to_json(), **wrong})
