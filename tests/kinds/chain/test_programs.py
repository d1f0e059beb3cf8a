"""The programs of iptables: which are found, and what is said where they fail."""

from __future__ import annotations

import pytest

from netplan.errors import KernelError, ObserveError, RefusedError
from netplan.kinds.chain.programs import Iptables, check_read, parsed
from netplan.kinds.chain.value import Chain, FirewallBackend
from netplan.system import programs
from tests import make

NFT, LEGACY = FirewallBackend.NFT, FirewallBackend.LEGACY
PAYLOAD = "*filter\n:PODNET-FORWARD - [0:0]\n-A PODNET-FORWARD -j ACCEPT\nCOMMIT\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Make programs of scripts, which stand alone in the PATH."""
    monkeypatch.setattr(programs, "SEARCH_PATH", str(tmp_path))

    def install(**scripts):
        for name, script in scripts.items():
            program = tmp_path / name.replace("_", "-")
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        return tmp_path

    return install


def saying(version):
    return f"echo 'iptables v1.8.9 ({version})'"


@pytest.mark.parametrize(
    ("scripts", "wanted", "program", "backend"),
    [
        ({"iptables": saying("nf_tables")}, None, "iptables", NFT),
        ({"iptables": saying("legacy")}, None, "iptables", LEGACY),
        ({"iptables": "echo 'iptables v1.6.1'"}, None, "iptables", LEGACY),
        ({"iptables": saying("nf_tables"), "iptables_legacy": ""}, LEGACY, "iptables-legacy", LEGACY),
        ({"iptables": saying("nf_tables")}, NFT, "iptables", NFT),
    ],
    ids=["nft", "legacy", "too old to say", "the wanted one beside", "the wanted one by default"],
)
def test_the_program_of_a_backend_is_found(install, scripts, wanted, program, backend):
    folder = install(**scripts)
    assert Iptables.find(wanted) == Iptables(backend, str(folder / program))


@pytest.mark.parametrize(
    ("scripts", "wanted", "message"),
    [
        ({}, None, "iptables not found: apt-get install iptables"),
        ({"iptables": saying("nf_tables")}, LEGACY, "iptables-legacy not found, and iptables writes to nft"),
    ],
)
def test_a_program_that_is_missing_is_named_with_its_package(install, scripts, wanted, message):
    install(**scripts)
    with pytest.raises(RefusedError, match=message):
        Iptables.find(wanted)


@pytest.mark.parametrize(("default", "program"), [("nf_tables", "ip6tables"), ("legacy", "")])
def test_the_program_for_ipv6_is_of_the_same_backend_or_none(install, default, program):
    folder = install(ip6tables=saying(default))
    assert Iptables(NFT, "iptables").ipv6 == Iptables(NFT, str(folder / program) if program else "", 6)


def test_that_there_is_no_program_for_ipv6_matters_once_it_is_to_run(install):
    install()
    with pytest.raises(RefusedError, match="ip6tables-nft not found: apt-get install iptables"):
        Iptables(NFT, "", 6).listing(make.FORWARD._replace(version=6))


LISTED = "-P FORWARD DROP\n-A FORWARD -i br0 -j ACCEPT\n"


def iptables(install, script):
    return Iptables(NFT, str(install(iptables=script) / "iptables"))


def test_a_chain_is_read_as_it_is_listed(install):
    script = f"test \"$*\" = '-w 10 -t filter -S FORWARD' && printf '%s' '{LISTED}'"
    assert iptables(install, script).read(make.FORWARD) == Chain(make.FORWARD, make.rules("-i br0 -j ACCEPT"), "DROP")


@pytest.mark.parametrize(
    "script",
    [
        "echo 'iptables: No chain/target/match by that name.' >&2; exit 1",
        'case "$*" in *-C*) echo "Chain does not exist" >&2;; *) echo "table is incompatible" >&2;; esac; exit 1',
    ],
    ids=["as it says", "as 1.8.9 says of a chain that is not there"],
)
def test_a_chain_that_is_not_there_is_none(install, script):
    assert iptables(install, script).read(make.FORWARD) is None


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'table is incompatible' >&2; exit 1", "table is incompatible"),
        ("echo '# Warning: tables of legacy' >&2; echo ' odd ' >&2; exit 4", "odd"),
        ("kill -KILL $$", "killed by SIGKILL"),
    ],
)
def test_a_table_that_can_not_be_listed_is_named_with_the_reason(install, script, why):
    with pytest.raises(ObserveError, match=f"^table filter can't be read safely: {why}$"):
        iptables(install, script).listing(make.FORWARD)
    with pytest.raises(ObserveError, match=f"^table filter can't be read safely: {why}$"):
        iptables(install, script).list("filter")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'iptables-restore: line 3 failed' >&2; exit 1", "refused '-A PODNET-FORWARD -j ACCEPT' in table filter"),
        ("echo 'no place left' >&2; exit 4", r"refused '\*filter' in table filter: no place left"),
        ("kill -KILL $$", "was killed by SIGKILL while it changed table filter"),
    ],
    ids=["a line", "no line", "killed"],
)
def test_a_change_that_is_refused_names_its_line_and_the_table(install, script, message):
    install(iptables_restore=script)
    with pytest.raises(KernelError, match=message):
        iptables(install, "").restore(PAYLOAD)


def test_a_change_is_made_in_one_transaction_without_flushing(install):
    folder = install(iptables_restore='echo "$@" > "$0.words"; while read -r line; do echo "$line"; done > "$0.text"')
    iptables(install, "").restore(PAYLOAD)
    assert (folder / "iptables-restore.text").read_text() == PAYLOAD
    assert (folder / "iptables-restore.words").read_text() == "--noflush -w 10\n"


def test_a_line_that_is_no_rule_is_named():
    with pytest.raises(ObserveError, match="filter FORWARD: line 2 of its rules can't be read: nonsense"):
        parsed(make.FORWARD, "-N FORWARD\nnonsense\n")


def test_a_table_that_iptables_prints_wrong_is_not_read():
    check_read("filter", None)
    with pytest.raises(ObserveError, match=r"^table filter can't be read safely: rule 2 is nft's own$"):
        check_read("filter", "rule 2 is nft's own")
