"""A queue that a thread empties in the background."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sized
from typing import Generic, TypeVar

from ._background import Background

Batch = TypeVar("Batch")


class Outbox(ABC, Generic[Batch]):
    """Sends batch after batch in a daemon thread.

    `_waiting` and the flags change only while `_changed` is held.

    Args:
        name: of the thread.
    """

    _waiting: Sized

    def __init__(self, name: str) -> None:
        self._background = Background(name, self._run)
        self.after_fork()

    def after_fork(self) -> None:
        """Begins anew: what waits is the parent's to send."""
        self._changed = threading.Condition()
        self._is_sending = self._is_closing = self._is_closed = False
        self._background.after_fork()

    def flush(self, timeout: float) -> bool:
        """Waits until all is sent. Returns whether it was, within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_sending, timeout)

    def close(self, timeout: float) -> bool:
        """Flushes, then ends the thread. Returns whether all was sent, within `timeout` seconds."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        is_sent = self.flush(timeout)
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        return is_sent

    @abstractmethod
    def _take(self) -> Batch:
        """Takes the next batch of what waits."""

    @abstractmethod
    def _send(self, batch: Batch) -> None:
        """Sends a batch, or gives it up. Returns soon once the box is closed."""

    def _added(self) -> None:
        """To be called where something was added, `_changed` being held."""
        self._background.ensure()
        self._changed.notify_all()

    def _pause(self, seconds: float, closing_seconds: float) -> None:
        """Waits in the thread; while the box is closing, for `closing_seconds` at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closing, seconds)
            if self._is_closing:
                self._changed.wait_for(lambda: self._is_closed, closing_seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed:
                    return
                batch = self._take()
                self._is_sending = True
            try:
                self._send(batch)
            finally:
                with self._changed:
                    self._is_sending = False
                    self._changed.notify_all()
