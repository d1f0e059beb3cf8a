from __future__ import annotations

from importlib import import_module
from inspect import signature

import pytest

from netplan.kinds import registry
from netplan.kinds.policy.value import PolicyRule
from netplan.kinds.registry import Interface

ROUTING = [kind for kind in registry.kinds() if kind.interface is Interface.RTNETLINK]


def parameters(kind, function):
    return list(signature(getattr(import_module(kind.driver), function)).parameters)


@pytest.mark.parametrize("kind", ROUTING, ids=lambda kind: kind.name)
def test_every_driver_of_what_rtnetlink_knows_reads_alike(kind):
    assert parameters(kind, "observe") == ["reading"]


@pytest.mark.parametrize("kind", [kind for kind in ROUTING if kind.value is not PolicyRule], ids=lambda kind: kind.name)
def test_every_driver_of_what_podnet_changes_through_rtnetlink_writes_alike(kind):
    assert parameters(kind, "write") == ["writing", "changes"]
