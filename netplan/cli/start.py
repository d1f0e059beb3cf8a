"""Where `podnet` starts: streams that can be written to, and a handler of Ctrl-C before anything else is imported.

A module apart from `main`, which imports typer: that takes so long that a Ctrl-C often comes meanwhile.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from io import TextIOWrapper
from types import FrameType
from typing import Any, Final, NoReturn

from netplan.system import helpers

_USAGE: Final = 2
_INTERRUPTED: Final = 128 + signal.SIGINT
_SOON: Final = 0.01
_REPEATED: Final = 0.01


def main() -> NoReturn:
    """Run the command line; an interrupt prints one line, and never a traceback.

    The garbage collector is off: a run is short and leaves few cycles, and it would take half the time of big clusters.
    """
    if sys.argv[1:2] == [helpers.VERB]:
        helpers.run(sys.argv[2:])
    gc.disable()
    os.environ.setdefault(*helpers.WITHOUT_PLUGINS)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        _open_streams()
        from netplan.cli.streams import standard_output

        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout = standard_output(sys.stdout)
        from netplan.cli.main import main as run

        _end(run())
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.write(2, b"podnet: interrupted\n")
        atexit._run_exitfuncs()
        os._exit(_INTERRUPTED)


def _end(code: int) -> NoReturn:
    """End the process without tearing it down: that would take a fifth of the time of a short run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except Exception:
        code = code or _USAGE
    os._exit(code)


def _open_streams() -> None:
    """Put /dev/null in the place of a closed stdin or stderr, so that no file of podnet's gets their numbers."""
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - it stays open to the end
    if sys.stdout is None:
        os.write(2, b"podnet: standard output is closed: send it to /dev/null if it is not to be read\n")
        os._exit(_USAGE)
    if sys.stderr is None:
        os.open(os.devnull, os.O_WRONLY)
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Stop; what is torn down meanwhile, such as coroutines, is not the user's concern."""
    if _is_within_again(frame):  # where what is raised would be lost; the clock rings once more
        return
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, _interrupt)
    sys.unraisablehook = _again
    if "logging" in sys.modules:
        sys.modules["logging"].disable()
    raise KeyboardInterrupt


def _again(unraisable: Any) -> None:
    """Interrupt once more where the interrupt came in a place that can't be left, such as the end of an object."""
    if unraisable.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, _SOON, _REPEATED)


def _is_within_again(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code is not _again.__code__:
        frame = frame.f_back
    return frame is not None
