"""The iptables programs of this machine: which backend they write to, how a chain is read and a table changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from msgspec import Struct

from netplan.errors import KernelError, ObserveError, RefusedError
from netplan.kinds.chain.legacy_tables import is_absent
from netplan.kinds.chain.saved import absent
from netplan.kinds.chain.value import Chain, ChainKey, FirewallBackend, table_label
from netplan.net import printable
from netplan.netfilter.iptables.quoting import logical_lines
from netplan.netfilter.iptables.rule import Rule, kernel_rule
from netplan.system import programs

_LOCK_SECONDS: Final = "10"
RESTORE_SECONDS: Final = 30.0
"""How many seconds a change of a table may take: beside 140,000 lines it takes one."""

_MODES: Final = {"nf_tables": FirewallBackend.NFT, "legacy": FirewallBackend.LEGACY}
_LINE_NUMBER: Final = re.compile(r"line:? (\d+)")


class Iptables(Struct, frozen=True, dict=True):
    """The pair of programs that lists and restores rules of one backend (iptables(8), iptables-restore(8)).

    They are those of one IP `version`. `program` is "" if this machine has none: that matters as soon as it is to run.
    """

    backend: FirewallBackend
    program: str
    version: int = 4

    @classmethod
    def find(cls, wanted: FirewallBackend | None = None) -> Iptables:
        """Find the programs of a backend, by default the one of this machine's `iptables`; RefusedError if none."""
        default = programs.find("iptables")
        if wanted is not None and (program := programs.find(f"iptables-{wanted.value}")) is not None:
            return cls(wanted, program)
        if default is None:
            raise RefusedError("iptables not found: apt-get install iptables")
        backend = _backend_of(default)
        if wanted not in (None, backend):
            raise RefusedError(
                f"iptables-{wanted.value} not found, and iptables writes to {backend.value}: "
                "install it with apt-get install iptables, or leave out firewall.backend"
            )
        return cls(backend, default)

    @cached_property
    def ipv6(self) -> Iptables:
        """The programs for IPv6, of the same backend."""
        program = programs.find(f"ip6tables-{self.backend.value}")
        default = programs.find("ip6tables") if program is None else None
        if default is not None and _backend_of(default) is self.backend:
            program = default
        return Iptables(self.backend, program or "", 6)

    @cached_property
    def _restore(self) -> str:
        return programs.require(f"{self._listing}-restore", "iptables")

    @property
    def _listing(self) -> str:
        if not self.program:
            raise RefusedError(f"ip6tables-{self.backend.value} not found: apt-get install iptables")
        return self.program

    def read(self, key: ChainKey) -> Chain | None:
        """Read one chain as iptables prints it, None if it does not exist; ObserveError if it prints none of it.

        Of rules that nft made, iptables-nft refuses some and prints others as if they said less: see `NftTables`.
        """
        if self.backend is FirewallBackend.LEGACY and is_absent(key.table, self.version):
            return absent(key)
        listing = self.listing(key)
        return None if listing is None else parsed(key, listing)

    def listing(self, key: ChainKey) -> str | None:
        """Return what `iptables -S CHAIN` prints, None if the chain does not exist; ObserveError if it fails."""
        listed = programs.run([self._listing, "-w", _LOCK_SECONDS, "-t", key.table, "-S", key.name])
        if listed.code == 0:
            return listed.stdout
        if self._missing(key, listed.stderr):
            return None
        complaint = listed.killed or _said(listed.stderr)
        raise ObserveError(f"table {key.table_label} can't be read safely: {complaint}")

    def list(self, table: str) -> str:
        """Return what `iptables -S` prints of a whole table; ObserveError if it fails.

        iptables-nft-save would read the rules of every other table of the node too.
        """
        return self._whole(table, [self._listing, "-w", _LOCK_SECONDS, "-t", table, "-S"])

    def save(self, table: str) -> str:
        """Return what iptables-save prints of a table; ObserveError if it fails."""
        return self._whole(table, [programs.require(f"{Path(self._listing).name}-save", "iptables"), "-t", table])

    def _whole(self, table: str, command: Sequence[str]) -> str:
        done = programs.run(command)
        if done.code != 0:
            complaint = done.killed or _said(done.stderr)
            raise ObserveError(f"table {table_label(self.version, table)} can't be read safely: {complaint}")
        return done.stdout

    def _missing(self, key: ChainKey, complaint: str) -> bool:
        """Whether a chain that can't be listed is merely not there.

        iptables-nft 1.8.9 says `incompatible` of both; a check of a rule that leads into the chain tells them apart.
        """
        if "No chain/target/match" in complaint:
            return True
        if "incompatible" not in complaint:
            return False
        checked = programs.run([self._listing, "-w", _LOCK_SECONDS, "-t", key.table, "-C", "OUTPUT", "-j", key.name])
        return "does not exist" in checked.stderr

    def restore(self, payload: str) -> None:
        """Make a table's changes in one transaction; KernelError names the line that was refused.

        One that hangs is ended (ObserveError), well after it would have given up waiting for iptables' own lock.
        """
        done = programs.run([self._restore, "--noflush", "-w", _LOCK_SECONDS], payload, limit=RESTORE_SECONDS)
        if done.code == 0:
            return
        lines = payload.splitlines()
        if done.killed:
            table = table_label(self.version, lines[0][1:])
            raise KernelError(f"{self._restore} was {done.killed} while it changed table {table}")
        numbered = _LINE_NUMBER.search(done.stderr)
        line = lines[int(numbered[1]) - 1] if numbered and 0 < int(numbered[1]) <= len(lines) else lines[0]
        complaint = " ".join(done.stderr.split())
        table = table_label(self.version, lines[0][1:])
        raise KernelError(f"iptables refused {printable(line)!r} in table {table}: {printable(complaint)}")


def check_read(table: str, why: str | None) -> None:
    """Raise ObserveError if iptables does not print the rules of a table as they are."""
    if why is not None:
        raise ObserveError(f"table {table} can't be read safely: {printable(why)}")


def _backend_of(program: str) -> FirewallBackend:
    """Ask iptables itself: the header of a save does not always say (1.8.7)."""
    version = programs.run([program, "--version"]).stdout
    mode = re.search(r"\((\w+)\)", version)
    return _MODES.get(mode[1], FirewallBackend.LEGACY) if mode else FirewallBackend.LEGACY


def parsed(key: ChainKey, listed: str) -> Chain:
    """Return the chain that `iptables -S CHAIN` printed; ObserveError names a line that can't be read."""
    policy: str | None = None
    rules: list[Rule] = []
    for number, line in enumerate(logical_lines(listed).removesuffix("\n").split("\n"), 1):
        if line.startswith("-P "):
            policy = line.split()[2]
        elif line.startswith("-A "):
            rules.append(kernel_rule(line, version=key.version))
        elif not line.startswith("-N "):
            raise ObserveError(f"{key}: line {number} of its rules can't be read: {printable(line)}")
    return Chain(key, tuple(rules), policy)


def _said(stderr: str) -> str:
    """Return what a program said in one line, without its warnings of the other backend."""
    lines = (line.strip() for line in stderr.splitlines())
    return printable("; ".join(line for line in lines if line and not line.startswith("# Warning")))
