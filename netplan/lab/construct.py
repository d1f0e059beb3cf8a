"""Carry out a layout inside a lab that holds nothing yet."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from msgspec import json

from netplan.errors import RefusedError
from netplan.lab.build import Setup, setups
from netplan.lab.holder import Holder
from netplan.lab.layout import FLOOR, Host, Layout
from netplan.lab.status import read_links
from netplan.system import helpers

Progress: TypeAlias = Callable[[int, int], None]
"""Told after each setup how many are done, and of how many."""

_NAME_HOSTS: Final = """
cat > /run/podnet/hosts
: > /run/podnet/resolv.conf
for file in hosts resolv.conf; do
    [ ! -f /etc/$file ] || mount --bind /run/podnet/$file /etc/$file
done
"""
"""Hosts know each other by name, and ask no name server that they could not reach and would wait for."""

_RESTORE: Final = {4: "iptables-restore", 6: "ip6tables-restore"}
_SETTLE_SECONDS: Final = 10.0


def construct(holder: Holder, layout: Layout, progress: Progress | None) -> None:
    """Build all of a layout; RefusedError names the object that the kernel did not accept.

    When this returns packets pass everywhere, and none is lost because a device has yet to notice its carrier.
    """
    hosts = [wiring.host for wiring in layout.wirings]
    holder.run(FLOOR, ["sh", "-ec", _NAME_HOSTS], text="".join(_host_lines(hosts)))
    planned = list(setups(layout))
    _assemble(holder, planned, progress)
    for setup in planned:
        for version, rules in setup.rules.items():
            holder.run(setup.host, [_RESTORE[version], "--noflush"], text="\n".join(["*nat", *rules, "COMMIT", ""]))
    _settle(holder, layout)


def _assemble(holder: Holder, planned: Sequence[Setup], progress: Progress | None) -> None:
    """Carry out setups in one process inside the lab; see `assemble`."""
    with subprocess.Popen(
        holder.command(FLOOR, helpers.command("assemble")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": helpers.import_path()},
    ) as process:
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise AssertionError("three pipes were asked for")
        try:
            with suppress(BrokenPipeError), stdin:
                stdin.write(json.encode(planned))
            for number, _ in enumerate(stdout, start=1):
                if progress is not None:
                    progress(number, len(planned))
            complaint = stderr.read().decode(errors="replace").splitlines()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        reason = complaint[-1] if complaint else f"podnet internal assemble: exit code {process.returncode}"
        raise RefusedError(f"the lab can't be built: {reason}")


def _host_lines(hosts: Sequence[Host]) -> Iterator[str]:
    """Return the lines of the lab's /etc/hosts."""
    yield "127.0.0.1 localhost\n::1 localhost\n"
    for host in hosts:
        yield f"{host.addresses[0].address} {host.name}\n"


def _settle(holder: Holder, layout: Layout) -> None:
    """Wait until every cable has a carrier at both ends, and every node's bridge that a pod is plugged in."""
    expected = {
        (wiring.name, interface.name) for wiring in layout.wirings for interface in wiring.interfaces if interface.plug
    }
    expected |= {(plug.host, plug.port) for plug in layout.plugs()}
    expected |= {(plug.host, plug.bridge) for plug in layout.plugs() if plug.host != FLOOR}
    deadline = time.monotonic() + _SETTLE_SECONDS
    while missing := expected - _running(holder, layout):
        if time.monotonic() > deadline:
            names = ", ".join(f"{device} of {host or 'switches'}" for host, device in sorted(missing))
            raise RefusedError(f"the lab can't be built: no carrier on {names} after {_SETTLE_SECONDS:.0f} s")


def _running(holder: Holder, layout: Layout) -> set[tuple[str, str]]:
    """Return each host's devices that packets can pass."""
    links_by_host = read_links(holder, [FLOOR, *(wiring.name for wiring in layout.wirings)])
    return {(host, link.name) for host, links in links_by_host.items() for link in links if link.running}
