"""The values of the model's types: how each is read."""

from __future__ import annotations

import pytest

from netplan.spec import fields
from netplan.spec.readers import WrongValueError
from netplan.spec.yaml.scalars import plain_scalar


@pytest.mark.parametrize(
    ("read", "written", "value"),
    [
        (fields.read_version, "1", 1),
        (fields.read_sysctl_value, "1", "1"),
        (fields.read_sysctl_value, "4096  131072", "4096 131072"),
        (fields.read_tunnel_mtu, "auto", None),
        (fields.read_tunnel_mtu, "1400", 1400),
        (fields.read_interface_mtu, "auto", "auto"),
        (fields.read_interface_mtu, "9000", 9000),
    ],
)
def test_a_value_is_read_as_the_kernel_or_podnet_has_it(read, written, value):
    assert read(plain_scalar(written)) == value


@pytest.mark.parametrize(
    ("read", "written", "message", "hint"),
    [
        (fields.read_version, "2", "expected 1, found 2", "this podnet reads version 1 of the format"),
        (fields.read_version, "yes", "expected 1, found yes", "this podnet reads version 1 of the format"),
        (fields.read_sysctl_value, "yes", "expected a text or a number, found yes", "write 1"),
        (fields.read_tunnel_mtu, "10", "expected auto or a whole number from 576 to 65535, found 10", ""),
    ],
)
def test_a_wrong_value_comes_with_what_would_be_right(read, written, message, hint):
    with pytest.raises(WrongValueError) as caught:
        read(plain_scalar(written))
    assert (str(caught.value).partition(", which")[0], caught.value.hint) == (message, hint)
