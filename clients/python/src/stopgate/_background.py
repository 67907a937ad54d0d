"""A daemon thread that starts when it is first needed."""

import threading
from collections.abc import Callable


class Background:
    """Runs a function in a daemon thread, at most one at a time.

    Args:
        name: of the thread.
        run: what it does. It may return; `ensure()` then starts it again.
    """

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._name, self._run = name, run
        self.after_fork()

    def after_fork(self) -> None:
        """The thread is not in the child."""
        self._is_running = False
        self._starting = threading.Lock()

    def ensure(self) -> None:
        """Starts the thread where it does not run."""
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
