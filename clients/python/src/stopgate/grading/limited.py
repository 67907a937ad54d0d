"""Grading in processes with limits of time and memory: an answer may be an expression that takes forever."""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

_CPU_SECONDS = 5
_WALL_SECONDS = 30.0
"""Where the processor is busy, or the system knows no limit of its time."""
_START_SECONDS = 120.0
_BYTES = 2 * 2**30


class LimitExceeded(Exception):  # noqa: N818 - of the item, not an error
    """An item took too much time or memory. It is not tried again."""


class ProcessError(Exception):
    """A process did not start."""


class LimitedCalls:
    """Calls of a function, each in a process that runs no other at that time.

    Args:
        function: `module:function`. It takes and returns what JSON can hold.
        cpu_seconds: limit of the processor's time for a call.
    """

    def __init__(self, function: str, cpu_seconds: int = _CPU_SECONDS) -> None:
        self._function, self._cpu_seconds = function, cpu_seconds
        self._idle: list[subprocess.Popen[bytes]] = []
        self._room = threading.Semaphore(os.cpu_count() or 1)

    def call(self, argument: Any) -> Any:
        """Calls the function.

        Raises:
            LimitExceeded: it took too much time or memory, or ended its process.
            ProcessError: no process could be started.
            ValueError: it raised another exception, whose text this one has.
        """
        with self._room:
            process = self._take()
            reply = _asked(process, argument, _WALL_SECONDS)
            if reply is None or "limit" in reply:
                _end(process)
                most = f"{self._cpu_seconds} s or {_BYTES // 2**30} GiB"
                raise LimitExceeded(f"it would take more than {most} to grade")
            self._idle.append(process)
        if "error" in reply:
            raise ValueError(reply["error"])
        return reply["value"]

    def _take(self) -> "subprocess.Popen[bytes]":
        while True:
            try:
                process = self._idle.pop()
            except IndexError:
                return self._start()
            if process.poll() is None:
                return process
            _end(process)

    def _start(self) -> "subprocess.Popen[bytes]":
        program = f"from stopgate.grading.limited import serve; serve({self._function!r}, {self._cpu_seconds})"
        # A session of its own, so that Ctrl-C ends no item in progress.
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        if _asked(process, None, _START_SECONDS) is None:
            _end(process)
            raise ProcessError("the process that grades does not start")
        return process


def _asked(process: "subprocess.Popen[bytes]", argument: Any, seconds: float) -> dict[str, Any] | None:
    """The reply to a line; None: there is none, and the process has ended."""
    assert process.stdin is not None and process.stdout is not None
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        process.stdin.write(json.dumps(argument).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        return None
    finally:
        timer.cancel()
    return json.loads(line) if line.endswith(b"\n") else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            pipe.close()  # type: ignore[union-attr]


def serve(function: str, cpu_seconds: int) -> None:
    """The program of such a process: answers each line of its input by one of its output, the first by `{}`."""
    module, _, name = function.partition(":")
    called: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no reply
    allow = _limits()
    requests.readline()
    _reply(replies, {})
    for line in requests:
        allow(cpu_seconds)
        try:
            reply = {"value": called(json.loads(line))}
        except MemoryError:
            reply = {"limit": "memory"}
        except Exception as error:
            reply = {"error": repr(error)[:500]}
        _reply(replies, reply)


def _reply(replies: BinaryIO, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply).encode() + b"\n")
    replies.flush()


def _limits() -> Callable[[int], None]:
    """Limits the memory. Returns a function that allows so many more seconds of the processor's time."""
    try:
        import resource
    except ImportError:  # Windows
        return lambda seconds: None
    with contextlib.suppress(ValueError, OSError):  # macOS
        resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))

    def allow(seconds: int) -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        used = usage.ru_utime + usage.ru_stime
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used) + seconds + 1, most))

    return allow
