"""A kind that is defined here, outside of the package, and registered by one call goes all ways that a kind goes."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from msgspec import Struct
from msgspec.structs import replace

from netplan.cli.views.text import plan_text
from netplan.errors import RestoredError
from netplan.kernel.drivers import driver_of
from netplan.kinds import registry
from netplan.kinds.batches import batches
from netplan.kinds.change_json import change_from_json, change_to_json
from netplan.kinds.link.value import Link
from netplan.kinds.registry import Kind, OnLinks, Shown
from netplan.kinds.resource import Action, Change, Json, Reason, Wanted
from netplan.net import IfName
from netplan.planning.plan import Source, plan_node
from netplan.planning.projection import project
from netplan.store import records
from tests import make
from tests.kernels.memory import MemoryKernel


class Vlan(Struct, frozen=True):
    """A VLAN that a device carries, with its quality of service."""

    kind: ClassVar[str] = "vlan"

    link: IfName
    number: int
    priority: int = 0
    ours: bool = True

    @property
    def key(self) -> tuple[IfName, int]:
        return (self.link, self.number)

    @property
    def label(self) -> str:
        return f"{self.number} dev {self.link}"

    def __str__(self) -> str:
        return f"{self.label} priority {self.priority}"

    def to_json(self) -> Json:
        return {"dev": self.link, "vid": self.number, "priority": self.priority, "ours": self.ours}

    @classmethod
    def from_json(cls, data: Json) -> Vlan:
        return cls(IfName(str(data["dev"])), int(data["vid"]), int(data["priority"]), bool(data["ours"]))


def links_of(vlan: Vlan) -> tuple[IfName]:
    return (vlan.link,)


class Other(Vlan, frozen=True):
    """An object of another kind."""

    kind: ClassVar[str] = "other"


VLANS = Kind(Vlan, "tests.kinds.vlan_driver", "vlans", shown=Shown(20, plural="VLANs"), on_links=OnLinks(links_of))
ETH0 = IfName("eth0")
WANTED = Vlan(ETH0, 7, 3)
WHY = Reason("frames of storage")


@pytest.fixture(autouse=True)
def _registered():
    with registry.registered(VLANS):
        yield


def desired(*vlans):
    """Return what a node should have: the VLANs, and what every node has."""
    wanted = make.desired()
    return replace(wanted, objects=(*wanted.objects, *(Wanted(vlan, WHY) for vlan in vlans)))


def state(*vlans):
    """Return the state of a node that has all it should have, and VLANs."""
    return make.settled(make.desired(), make.snapshot()).replace(Vlan, vlans)


def changes(wanted, now):
    return plan_node(wanted, now, Source.LIVE).changes


@pytest.mark.parametrize(
    ("now", "wanted", "action"),
    [
        ([], [WANTED], Action.CREATE),
        ([replace(WANTED, priority=1)], [WANTED], Action.UPDATE),
        ([WANTED], [], Action.DELETE),
    ],
)
def test_its_objects_are_planned(now, wanted, action):
    (change,) = changes(desired(*wanted), state(*now))
    assert (change.resource, change.action) == ((wanted or now)[0], action)


def test_its_objects_are_no_concern_where_they_are_as_wanted_or_of_another_program():
    assert changes(desired(WANTED), state(WANTED, Vlan(ETH0, 8, ours=False))) == ()


@pytest.mark.parametrize(
    ("now", "wanted"), [([], [WANTED]), ([replace(WANTED, priority=1)], [WANTED]), ([WANTED], [])], ids=str
)
def test_a_plan_of_it_is_applied(now, wanted):
    kernel = MemoryKernel(state(*now))
    make.apply_desired(desired(*wanted), kernel)
    assert kernel.state.all(Vlan) == tuple(wanted)


@pytest.mark.parametrize("now", [[], [replace(WANTED, priority=1)]], ids=str)
def test_a_plan_of_it_that_fails_is_undone(now):
    kernel = MemoryKernel(state(*now))
    with pytest.raises(RestoredError):
        make.apply_desired(desired(WANTED), kernel, fails="a check")
    assert (kernel.writes, kernel.state.all(Vlan)) == (2, tuple(now))


def test_its_objects_are_created_after_their_link_and_shown_at_their_place():
    wanted, empty = desired(WANTED), make.snapshot()
    plan = plan_node(wanted, empty, Source.LIVE)
    assert [batch.kind for batch in batches(plan.changes, empty)][-1] == "vlan"
    assert str(batches(plan.changes, empty)[-1]) == "VLANs"
    assert plan.changes[-1].resource == WANTED


def test_it_goes_with_its_link():
    before = state(WANTED)
    (link,) = (link for link in before.all(Link) if link.name == ETH0)
    assert project(before, [Change(link, None, WHY)]).all(Vlan) == ()


def test_its_objects_are_recorded():
    text = records.render(state(WANTED), "a", "c")
    assert json.loads(text)["vlans"] == [WANTED.to_json()]
    assert records.parse(text, "a.json", "c", "a").state.all(Vlan) == (WANTED,)


def test_a_record_without_its_objects_has_no_list_of_them():
    text = records.render(state(), "a", "c")
    assert "vlans" not in json.loads(text)
    assert records.parse(text, "a.json", "c", "a").state.all(Vlan) == ()


def test_its_changes_are_json():
    (change,) = changes(desired(WANTED), state())
    assert change_from_json(json.loads(json.dumps(change_to_json(change)))) == change


def test_its_changes_are_shown():
    plan = plan_node(desired(WANTED), state(replace(WANTED, priority=1)), Source.LIVE)
    lines = plan_text(make.plans(plan)).plain.split("\n")
    assert lines[1].split() == ["~", "vlan", "7", "dev", "eth0", "frames", "of", "storage"]
    assert lines[2].strip() == "priority 1 -> 3"


def test_its_driver_is_loaded_by_its_name():
    assert driver_of(VLANS).observe.__module__ == VLANS.driver


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="there is a kind 'vlan' already"), registry.registered(VLANS):
        pass


def test_it_is_known_only_as_long_as_it_is_registered():
    with registry.registered(replace(VLANS, value=Other)):
        assert registry.named("other") is not None
    assert registry.named("other") is None
