"""The process of a client: threads that start on demand, forks, and the exit."""

import atexit
import multiprocessing
import multiprocessing.util
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol


class Background:
    """Runs a function in a daemon thread, at most one at a time.

    Args:
        name: of the thread.
        run: the function. It may return; `ensure()` then starts it again.
    """

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._name, self._run = name, run
        self.after_fork()

    def after_fork(self) -> None:
        """The thread does not exist in the child."""
        self._is_running = False
        self._starting = threading.Lock()

    def ensure(self) -> None:
        """Starts the thread unless it is running."""
        if self._is_running:
            return
        with self._starting:
            if self._is_running:
                return
            self._is_running = True
            try:
                threading.Thread(target=self._work, name=f"stopgate {self._name}", daemon=True).start()
            except RuntimeError:  # the interpreter is ending
                self._is_running = False

    def _work(self) -> None:
        try:
            self._run()
        finally:
            self._is_running = False


class Forked(Protocol):
    """An object with threads, locks or connections, which a forked process can not use."""

    def after_fork(self) -> None:
        """Replaces them. Runs in the child before any other code."""


_watched: "weakref.WeakSet[Forked]" = weakref.WeakSet()


def watch_forks(one: Forked) -> None:
    """Calls `one.after_fork()` in every process that is forked from this one, as long as the object lives."""
    _watched.add(one)


def _after_fork() -> None:
    for one in list(_watched):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Closable(Protocol):
    """An object that must be closed before its process ends."""

    def close(self) -> Any:
        """Sends queued reports."""


class AtExit:
    """Closes its owner once, at the end of the process in which this was made.

    Processes of multiprocessing end without atexit, so they use its finalizers.
    """

    def __init__(self, owner: Closable) -> None:
        self._owner = weakref.ref(owner)
        self._pid = os.getpid()
        self._is_arranged = False
        self.is_closed = False

    def arrange(self) -> None:
        """Registers the close. Call this before there is anything to send."""
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
