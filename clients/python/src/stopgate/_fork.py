"""Tells objects that they are in a forked process, where no thread but one goes on and no lock can be trusted."""

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """What has threads, locks or connections."""

    def after_fork(self) -> None:
        """Runs in the child, before anything else of it."""


_watched: "weakref.WeakSet[Forked]" = weakref.WeakSet()


def watch(one: Forked) -> None:
    """Calls `one.after_fork()` in every process that is forked from this one, as long as the object lives."""
    _watched.add(one)


def _tell() -> None:
    for one in list(_watched):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell)
