from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from netplan.kernel.drivers import driver_of
from netplan.kinds import registry

KINDS = Path(registry.__file__).parent
UNRECORDED = {"netplan.kinds.connection.driver", "netplan.kinds.udp_socket.driver"}
"""The drivers of what is read beside a state, and is part of none."""


@pytest.mark.parametrize("kind", registry.kinds(), ids=lambda kind: kind.name)
def test_the_driver_of_every_kind_is_loaded_by_the_name_in_its_row(kind):
    assert driver_of(kind) is import_module(kind.driver)


def test_every_driver_is_that_of_a_kind_or_of_what_no_state_holds():
    modules = {f"netplan.kinds.{path.parent.name}.driver" for path in KINDS.glob("*/driver.py")}
    assert modules == {kind.driver for kind in registry.kinds()} | UNRECORDED
