"""A training run at the service."""

import json
import time
from typing import Any
from urllib.parse import quote

from .._http import Connections, Endpoint
from .._telemetry import warn
from ..errors import CallFailed

_FIRST_WAIT_SECONDS = 0.5


class Run:
    """Reports checkpoints in order. What the service does not take waits for the next call.

    Args:
        endpoint: where the service is.
        name: of the run.
        timeout: seconds for a call.
    """

    def __init__(self, endpoint: Endpoint, name: str, timeout: float) -> None:
        self._connections, self._timeout = Connections(endpoint), timeout
        self._path = f"/v1/training-runs/{quote(name, safe='')}"
        self._waiting: list[dict[str, Any]] = []

    def report(self, checkpoint: dict[str, Any]) -> bool:
        """Reports a checkpoint with those that wait. Returns whether all have been taken. Never raises."""
        self._waiting.append(checkpoint)
        return self.send()

    def send(self) -> bool:
        """Sends what waits. Returns whether nothing waits any more. Never raises."""
        if not self._waiting:
            return True
        body = json.dumps({"checkpoints": self._waiting}, allow_nan=False).encode()
        try:
            reply = self._connections.call("POST", f"{self._path}/checkpoints", body, timeout=self._timeout).json()
        except CallFailed as error:
            warn("checkpoints", f"checkpoints are not reported: {error}")
            if not error.may_succeed_later:
                self._waiting.clear()
            return not self._waiting
        for problem in reply["rejected"]:
            warn("checkpoint", f"a checkpoint was refused: {problem['path']} {problem['message']}")
        self._waiting.clear()
        return True

    def send_until(self, seconds: float) -> bool:
        """Sends what waits again and again, for so many seconds. Returns whether nothing waits any more."""
        end, wait = time.monotonic() + seconds, _FIRST_WAIT_SECONDS
        while not self.send():
            if time.monotonic() + wait > end:
                return False
            time.sleep(wait)
            wait *= 2
        return True

    def verdicts(self, suite: str) -> set[str]:
        """The verdicts on a suite as of now; none where the service can't be asked."""
        try:
            path = f"{self._path}?suite={quote(suite, safe='')}&last=1"
            body = self._connections.call("GET", path, timeout=self._timeout).json()
        except CallFailed as error:
            warn("verdicts", f"there is no verdict: {error}")
            return set()
        return {verdict["verdict"] for of_suite in body["suites"] for verdict in of_suite["verdicts"]}
