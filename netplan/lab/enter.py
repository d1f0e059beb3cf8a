"""Run a command on a host of a lab, as a member of the lab: `podnet internal enter HOLDER HOST COMMAND [ARGUMENT...]`.

HOLDER is the process id of the lab's first process, HOST the name of a network namespace in it; an empty HOST is the
floor, where the switches stand. The command sees the lab's processes, mounts and devices, and dies with the lab. Who
started it notices nothing of that: the terminal, the working directory, the environment, the exit code and signals are
passed on. As with `timeout`, 125 says that the lab could not be entered, 126 and 127 that the command could not be
run or found.

`nsenter` will not do: it dies of Ctrl-C while the command goes on, and takes signals to itself. The module needs the
standard library alone, because every command waits for it to load.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from netplan.system.helpers import search_path

CANNOT_ENTER: Final = 125
CANNOT_RUN: Final = 126
NOT_FOUND: Final = 127

_CLONE_NEWNS: Final = 0x0002_0000
_CLONE_NEWUTS: Final = 0x0400_0000
_MS_BIND: Final = 0x1000
_PR_SET_PDEATHSIG: Final = 1

_ANY_NAMESPACE: Final = 0
_PASSED_ON: Final = frozenset(
    {
        signal.SIGALRM,
        signal.SIGCONT,
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTERM,
        signal.SIGTSTP,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
    }
)
_WAITED_FOR: Final = _PASSED_ON | {signal.SIGCHLD}

_libc = ctypes.CDLL(None, use_errno=True)


def fork_into(holder: int, host: str) -> int:
    """Fork a child that is on a host of the lab; like os.fork it gives 0 there, and the child's pid to the caller.

    The caller must have one thread, and is of no other use afterwards: it has joined the lab's user namespace, and all
    its children are the lab's. OSError, in either process, says what could not be entered. The child dies with the
    caller.
    """
    user, mount, net, pid = (
        os.open(f"/proc/{holder}/ns/{kind}", os.O_RDONLY) for kind in ("user", "mnt", "net", "pid")
    )
    if not os.path.samestat(os.fstat(user), os.stat("/proc/self/ns/user")):  # noqa: PTH116
        _call("setns", user, _ANY_NAMESPACE)
    _call("setns", pid, _ANY_NAMESPACE)
    child = os.fork()
    if child == 0:
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _join(mount, net, host)
    for descriptor in (user, mount, net, pid):
        os.close(descriptor)
    return child


def _join(mount: int, net: int, host: str) -> None:
    """Move this process to a host of the lab that holds the two namespaces; the working directory stays if it can."""
    directory = _working_directory()
    _call("setns", mount, _ANY_NAMESPACE)
    _call("setns", net, _ANY_NAMESPACE)
    if host:
        _call("setns", os.open(f"/run/netns/{host}", os.O_RDONLY | os.O_CLOEXEC), _ANY_NAMESPACE)
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWUTS)
        _call("sethostname", os.fsencode(host), len(os.fsencode(host)))
        _show_devices()
    try:
        os.chdir(directory)
    except OSError:
        os.chdir("/")
    os.environ["PATH"] = search_path()
    os.environ["PODNET_VAR_DIR"] = f"/run/podnet/var/{host}"  # podnet's own files, apart for each host


def _working_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return "/"


def _show_devices() -> None:
    """Let /sys/class/net show the devices of this network namespace; the rest of /sys, cgroups too, stays as it is.

    Without this it shows those of the machine, and root could change them there. A container that hides parts of its
    /sys may mount none that shows all: there /sys stays as it is.
    """
    try:
        _call("mount", b"sysfs", b"/sys/class/net", b"sysfs", ctypes.c_ulong(0), None)
    except PermissionError:
        return
    for folder in (b"devices/virtual/net", b"class/net"):
        _call("mount", b"/sys/class/net/" + folder, b"/sys/" + folder, None, ctypes.c_ulong(_MS_BIND), None)


def _call(function: str, *arguments: object) -> None:
    """Call a function of the C library that gives 0 for success; OSError names it."""
    if getattr(_libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def _execute(command: list[str]) -> NoReturn:
    """Become the command, with signals as it would have had them outside."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED_FOR)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except FileNotFoundError:
        _fail(f"{command[0]}: command not found", NOT_FOUND)
    except OSError as error:
        _fail(f"{command[0]}: {error.strerror}", CANNOT_RUN)


def _fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"podnet lab: {message}\n")
    sys.stderr.flush()
    os._exit(code)


def _await(child: int) -> int:
    """Wait for the end of a child and give its wait status; what happens to this process happens to the child.

    A signal that the kernel sends, such as that of Ctrl-C, has reached the child by itself: it has the same terminal.
    Only that of a terminal that hangs up may have come to this process alone, as the first of its session.
    """
    while True:
        caught = signal.sigwaitinfo(_WAITED_FOR)
        if caught.si_signo != signal.SIGCHLD:
            if caught.si_code <= 0 or caught.si_signo == signal.SIGHUP:  # SI_USER and its like: a process sent it
                os.kill(child, caught.si_signo)
            continue
        pid, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if pid and not os.WIFSTOPPED(status):
            return status
        if pid:
            os.kill(os.getpid(), signal.SIGSTOP)
            os.kill(child, signal.SIGCONT)


def _end_like(status: int) -> NoReturn:
    """End this process as the child with this wait status ended: with its exit code, or of the same signal."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def main(words: Sequence[str]) -> NoReturn:
    """Run a command and end as it ends."""
    holder, host, *command = words
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    try:
        child = fork_into(int(holder), host)
    except OSError as error:
        _fail(f"the lab can't be entered: {error.strerror}", CANNOT_ENTER)
    if child == 0:
        _execute(command)
    _end_like(_await(child))
