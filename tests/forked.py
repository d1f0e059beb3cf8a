"""Call a function in a child of the test's process, and have its result or its exception here."""

from __future__ import annotations

import os
import pickle
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

R = TypeVar("R")


def forked(prepare: Callable[[], None], function: Callable[[], R]) -> R:
    """Call a function in a child that has prepared itself; nothing that it changes in memory is seen here."""
    receiver, sender = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads: the child takes none of their locks
        child = os.fork()
    if child == 0:
        _report(sender, prepare, function)
    os.close(sender)
    with os.fdopen(receiver, "rb") as stream:
        reported = stream.read()
    os.waitpid(child, 0)
    result: R = result_of(reported)
    return result


def result_of(reported: bytes) -> Any:
    """Return the result of a function whose process wrote it with its exception; raise that instead if there is one."""
    if not reported:
        raise RuntimeError("the process ended without a report")
    result, error = pickle.loads(reported)
    if error is not None:
        raise error
    return result


def _report(sender: int, prepare: Callable[[], None], function: Callable[[], object]) -> NoReturn:
    """In the child, call the function; write its result or its exception."""
    outcome: tuple[object, BaseException | None]
    try:
        prepare()
        outcome = function(), None
    except BaseException as error:
        error.add_note(traceback.format_exc())
        outcome = None, error
    with os.fdopen(sender, "wb") as stream:
        stream.write(pickle.dumps(outcome))
    os._exit(0)
