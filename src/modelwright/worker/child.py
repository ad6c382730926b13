"""Parent: what a child process of ours sees of the process that made it.

Attaching makes the child safe to own: it leaves no core dump, and it ends at once
when its parent does. Knows nothing of the task.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Self

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


class Parent:
    """The line to the parent: the task that came, the events that go."""

    def __init__(self, task: Mapping[str, Any], events: int) -> None:
        self.task = task
        self._events = events

    @classmethod
    def attach(cls) -> Self:
        """Read the task from stdin; from here on the parent's death is ours.

        Stdout becomes stderr, so that a stray print cannot garble the events.
        """
        _leave_no_core()
        _die_with_parent()
        events = os.dup(1)
        os.dup2(2, 1)
        task = json.loads(_read_line(0))
        threading.Thread(target=_watch, args=(0,), daemon=True).start()
        return cls(task, events)

    def send(self, event: Mapping[str, Any]) -> None:
        """Report one event."""
        line = json.dumps(event).encode() + b"\n"
        while line:
            line = line[os.write(self._events, line) :]


def _read_line(fd: int) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = os.read(fd, 65536)
        if not piece:
            sys.exit(0)  # the parent died before it could say what to do
        line += piece
    return bytes(line)


def _watch(fd: int) -> None:
    with suppress(OSError):
        while os.read(fd, 4096):
            pass
    os._exit(0)


def _leave_no_core() -> None:
    if sys.platform != "win32":
        import resource  # does not exist elsewhere

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _die_with_parent() -> None:
    """Ask Linux for SIGKILL at the parent's death: no library can block that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
