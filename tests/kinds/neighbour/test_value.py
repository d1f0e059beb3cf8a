from __future__ import annotations

import pytest

from netplan.kinds.neighbour.value import Neighbour
from tests import tunnels


def test_a_neighbour_is_written_as_ip_neighbour_prints_it():
    assert str(tunnels.neighbour()) == "172.7.22.0 dev podnet.1 lladdr 0e:2a:0a:04:07:16"


def test_an_address_behind_a_device_has_one_link_layer_address():
    assert tunnels.neighbour().key == tunnels.neighbour(mac="0e:2a:0a:04:07:98").key


@pytest.mark.parametrize("other", [tunnels.neighbour("172.7.23.0"), tunnels.neighbour(device="podnet.2")])
def test_neighbours_of_other_addresses_or_devices_stand_beside_it(other):
    assert tunnels.neighbour().key != other.key


@pytest.mark.parametrize("ours", [True, False])
def test_a_neighbour_is_read_back_from_its_json(ours):
    neighbour = tunnels.neighbour(ours=ours)
    assert Neighbour.from_json(neighbour.to_json()) == neighbour


@pytest.mark.parametrize("lladdr", ["0e:2a", "0e:2a:0a:04:07:16\n", "0E:2A:0A:04:07:16", "\x1b[2J"])
def test_what_is_no_link_layer_address_is_refused(lladdr):
    with pytest.raises(ValueError, match="is not a link-layer address, such as 0e:2a:0a:04:07:15"):
        Neighbour.from_json({**tunnels.neighbour().to_json(), "lladdr": lladdr})
