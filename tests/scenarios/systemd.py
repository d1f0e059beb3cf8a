"""A double of systemd's: a folder that says that it runs, and a systemd-run that starts a command when its time is up.

Like a service the command has none of the caller's files, environment and terminal, and outlives it; by SIGUSR1 its
time is up at once. What only the real one does (units, cgroups, how exact its timers are) is not here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tests.scenarios.podnet import argv
from tests.scenarios.tools import real

_PROGRAM: Final = """#!{python} -I
import os, signal, sys

words = sys.argv[1:]
given = dict(word.lstrip("-").split("=", 1) for word in words if word.startswith("--") and "=" in word)
command = words[next(at for at, word in enumerate(words) if not word.startswith("--")) :]
with open("{folder}/timers", "a") as file:
    print(*words, file=file)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
if os.fork():
    sys.exit()
os.setsid()
os.closerange(0, 256)
os.open("/dev/null", os.O_RDWR)
os.dup(0), os.dup(0)
os.chdir("/")
signal.sigtimedwait([signal.SIGUSR1], float(given["on-active"]))
os.execve(command[0], command, dict([given["setenv"].split("=", 1)]))
"""

TIME_IS_UP: Final = "pkill -USR1 -f systemd-run"

_BOOTED: Final = """
folder=$1; act=$2; shift 2
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
"$@" 2> "$folder/said" & apply=$!
until grep -q "Confirm within" "$folder/said"; do kill -0 $apply; sleep 0.05; done
eval "$act"
code=0; wait $apply || code=$?
while [ -e "$folder/var/journal.json" ]; do sleep 0.05; done
exit $code
"""


def booted(folder: Path, spec: Path, act: str, seconds: int) -> list[str]:
    """Return the command that applies a spec where systemd seems to run, and does something while it waits.

    `act` is a line of shell, which finds the process that applies as `$apply`. The command ends once the journal is
    closed. Its process namespace is one of its own, whose first process is in the node's network, as systemd would be.
    """
    program = folder / "systemd-run"
    program.write_text(_PROGRAM.format(python=sys.executable, folder=folder))
    program.chmod(0o755)
    (folder / "var").mkdir(mode=0o700)
    words = argv("apply", spec, "--yes", "--confirm-within", str(seconds), "--var-dir", folder / "var")
    namespaces = [real("unshare"), "--mount", "--pid", "--fork", "--mount-proc"]
    return [*namespaces, "sh", "-ec", _BOOTED, "sh", str(folder), act, *words]
