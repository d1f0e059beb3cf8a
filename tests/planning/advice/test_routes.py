"""Routes of other programs that take packets of ours."""

from __future__ import annotations

from netplan.planning.advice.case import Case
from netplan.planning.advice.routes import warn_of_routes_to_parts
from tests import make


def test_a_route_to_a_part_of_a_subnet_is_named():
    part = make.route("172.7.22.128/25", "10.4.7.253", protocol=188)
    (warning,) = warn_of_routes_to_parts(Case(make.desired(), (), make.snapshot("", part), live=True))
    assert warning.endswith("takes its part of 172.7.22.0/24 away from our route")
