from __future__ import annotations

from tests.trace.networks import POD, VXLAN, network
from tests.trace.states import packet


def test_the_source_at_the_end_is_that_of_the_last_node():
    (journey,) = network(VXLAN).follow(packet(POD["a"], POD["b"]).flow, "a")
    assert (str(journey.source), str(journey.destination), journey.source_kept) == (POD["a"], POD["b"], True)
