from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from netplan.kernel.drivers import driver_of, file_driver_of, observe_files
from netplan.kinds import registry
from netplan.kinds.registry import Interface, Kind, OnLinks
from netplan.kinds.resource import Change
from netplan.net import IfName
from tests import make
from tests.kernel.knob_driver import FILES, Knob

KINDS = Path(registry.__file__).parent
UNRECORDED = {"netplan.kinds.connection.driver", "netplan.kinds.udp_socket.driver"}
"""The drivers of what is read beside a state, and is part of none."""


@pytest.mark.parametrize("kind", registry.kinds(), ids=lambda kind: kind.name)
def test_the_driver_of_every_kind_is_loaded_by_the_name_in_its_row(kind):
    assert driver_of(kind) is import_module(kind.driver)


def test_every_driver_is_that_of_a_kind_or_of_what_no_state_holds():
    modules = {f"netplan.kinds.{path.parent.name}.driver" for path in KINDS.glob("*/driver.py")}
    assert modules == {kind.driver for kind in registry.kinds()} | UNRECORDED


def device_of(knob):
    return (knob.device,)


KNOBS = Kind(Knob, "tests.kernel.knob_driver", "knobs", Interface.PROC_SYS, on_links=OnLinks(device_of))
OF_NODE, OF_ETH0, OF_ETH9 = "dev.knob", "net.ipv4.conf.eth0.knob", "net.ipv4.conf.eth9.knob"


@pytest.fixture
def knobs():
    """Have one more kind below /proc/sys, with a knob of the node and one each of two devices."""
    FILES.update(dict.fromkeys((OF_NODE, OF_ETH0, OF_ETH9), "0"))
    with registry.registered(KNOBS):
        yield FILES
    FILES.clear()


@pytest.mark.usefixtures("knobs")
def test_another_kind_of_files_is_read_by_its_row_but_for_what_missing_links_would_have():
    observed = observe_files({OF_NODE, OF_ETH0, OF_ETH9, "dev.none"}, frozenset({IfName("eth0")}))
    assert [*observed] == [Knob(OF_NODE, "0"), Knob(OF_ETH0, "0")]


def test_another_kind_of_files_is_written_by_the_driver_of_its_row(knobs):
    change = Change(Knob(OF_ETH0, "0"), Knob(OF_ETH0, "1"), make.WHY)
    file_driver_of(registry.kind_of(change.resource)).write([change])
    assert knobs[OF_ETH0] == "1"
