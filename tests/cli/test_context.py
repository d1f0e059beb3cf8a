"""Which node this machine is, and which files a verb relies on."""

from __future__ import annotations

import pytest

from netplan.cli.context import NoNodeError, addresses_of, known, this_node, trusting
from netplan.system.files import anything
from tests import make

NODES = addresses_of(make.spec())


def test_every_node_has_its_address():
    assert {name: str(address) for name, address in NODES.items()} == {"a": "10.4.7.21", "b": "10.4.7.22"}


def test_a_node_that_is_named_is_that_one():
    assert this_node(NODES, "b") == "b"


@pytest.mark.parametrize(
    ("name", "hint"), [("hdss7-2", "did you mean hdss7-21?"), ("z", "there are hdss7-21, b")], ids=["alike", "unlike"]
)
def test_a_name_that_no_node_has_comes_with_those_that_there_are(name, hint):
    with pytest.raises(NoNodeError) as caught:
        known({"hdss7-21": NODES["a"], "b": NODES["b"]}, name)
    assert str(caught.value) == f"there is no node {name}; {hint}"


def test_where_every_file_is_to_be_trusted_none_is_judged():
    with trusting(allow=True) as judge:
        assert judge is anything


def test_a_file_that_a_group_may_change_is_warned_of_in_the_end(tmp_path, capsys):
    spec = tmp_path / "spec.yaml"
    spec.write_text("")
    spec.chmod(0o664)
    with trusting(allow=False) as judge:
        judge(spec, spec.stat())
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err == (
        f"warning: a group may write to {spec}, and so decide what root does: chmod g-w {spec}\n"
    )
