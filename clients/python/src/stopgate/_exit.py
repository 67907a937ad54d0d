"""Closes a client at the end of its process."""

import atexit
import multiprocessing
import multiprocessing.util
import os
import weakref
from typing import Any, Protocol


class Closable(Protocol):
    """What is to be closed."""

    def close(self) -> Any:
        """Sends what waits."""


class AtExit:
    """Closes its owner, once, in the process in which this was made: those of multiprocessing end without atexit."""

    def __init__(self, owner: Closable) -> None:
        self._owner = weakref.ref(owner)
        self._pid = os.getpid()
        self._is_arranged = False
        self.is_closed = False

    def arrange(self) -> None:
        """Call this before there is anything to send."""
        if self._is_arranged:
            return
        self._is_arranged = True
        if multiprocessing.parent_process() is None:
            atexit.register(self._close)
        else:
            multiprocessing.util.Finalize(None, self._close, exitpriority=0)

    def _close(self) -> None:
        owner = self._owner()
        if owner is not None and not self.is_closed and os.getpid() == self._pid:
            owner.close()
