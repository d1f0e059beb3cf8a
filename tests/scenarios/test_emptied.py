"""The tables of nftables that an apply brought into being go with what podnet had in them."""

from __future__ import annotations

import pytest

from tests.lab.inside import inside
from tests.scenarios.session import PATIENCE, WAITS, Session, session, settled, unguarded
from tests.scenarios.test_connections import _forget_all, talk  # noqa: F401 - a fixture

pytestmark = pytest.mark.parametrize("backend", ["nft"], indirect=True)

OTHER = "table inet other"
TRACKING = """
nft add table inet other
nft add chain inet other forward '{ type filter hook forward priority 0; }'
nft add rule inet other forward ct state established accept
"""
"""Another program's rule, for which the kernel goes on to track connections, and so to translate them."""


@pytest.fixture
def bare(node):
    """A node without a single table, and without connections of tests before."""
    node.shell("nft flush ruleset")
    inside(node.lab, node.name, _forget_all)
    return node


def tables(node):
    return node.shell("nft list tables").splitlines()


def test_remove_leaves_the_tables_that_were_there(bare):
    bare.iptables("-P FORWARD ACCEPT")
    before = bare.state()
    bare.apply()
    applied = tables(bare)
    bare.remove()
    assert (applied, bare.state()) == (["table ip filter", "table ip nat"], before)


def test_a_second_remove_takes_a_table_that_another_program_used(bare):
    bare.apply()
    bare.iptables("-A INPUT -j ACCEPT")
    bare.remove()
    used = tables(bare)
    bare.iptables("-D INPUT -j ACCEPT")
    bare.remove()
    assert (used, tables(bare)) == (["table ip filter"], [])


def test_an_apply_that_fails_leaves_no_table(bare, tmp_path):
    spec = tmp_path / "checked.yaml"
    spec.write_text(bare.spec.read_text() + 'checks: [{command: ["false"]}]\n')
    assert (bare.podnet("apply", spec, "--yes").code, tables(bare)) == (4, [])


@pytest.mark.parametrize("end", [None, Session.kill], ids=["that waits", "that was killed"])
def test_a_first_apply_that_no_one_confirms_leaves_no_table(bare, end):
    with session(bare, "--confirm-within", "1") as apply:
        apply.until(WAITS)
        if end is None:
            apply.process.wait(PATIENCE)
        else:
            end(apply)
    settled(bare)
    unguarded(bare)
    assert tables(bare) == []


def test_recover_takes_what_a_killed_remove_left(bare):
    bare.apply()
    noted = bare.shell('cat "$PODNET_VAR_DIR/tables.json"')
    bare.remove()
    bare.shell("iptables-nft -t nat -A OUTPUT -j ACCEPT; iptables-nft -t nat -F")
    bare.shell('cat > "$PODNET_VAR_DIR/tables.json"', text=noted)
    assert (bare.podnet("recover").code, tables(bare)) == (0, [])


def test_a_table_stays_for_the_connections_that_it_translates(bare, lab, talk):  # noqa: F811
    bare.shell(TRACKING)
    bare.apply()
    connection = talk("hdss7-21-pod1", "router")
    said = bare.remove().stderr
    assert (connection.seen, connection.goes_on(), tables(bare)) == ("10.4.7.21", True, [OTHER, "table ip nat"])
    assert "Table ip nat stays for 1 translated connection" in said


def test_a_later_remove_takes_a_table_whose_connections_have_ended(bare, lab, talk):  # noqa: F811
    bare.apply()
    talk("hdss7-21-pod1", "router")
    bare.remove()
    inside(lab, bare.name, _forget_all)
    assert (bare.remove().code, tables(bare)) == (0, [])
