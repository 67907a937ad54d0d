"""The journal of a grader: which generations it has graded, so that a restart grades none twice."""

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any, TextIO

_DAY = 86_400.0


class JournalTaken(Exception):  # noqa: N818
    """Another grader uses the journal."""


class Journal:
    """Labels by generation, in a file of JSON lines that is written before a label is sent. It holds no texts.

    Args:
        path: of the file, which is made if there is none. One process at a time may use it.

    Raises:
        JournalTaken: another process uses it.
        OSError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._lines: dict[str, dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_name(path.name + ".lock").open("w")
        self._take()
        self._read(path)
        draft = path.with_name(path.name + ".new")
        with draft.open("w") as file:
            file.writelines(json.dumps(line) + "\n" for line in self._lines.values())
        draft.replace(path)
        self._file: TextIO = path.open("a")

    def _take(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalTaken(f"another grader uses {self._lock.name}") from error

    def _read(self, path: Path) -> None:
        if not path.exists():
            return
        for line in path.read_text().splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a line that was cut off by a crash
                entry = json.loads(line)
                if entry["at"] > time.time() - 2 * _DAY:  # follow-ups end within a day
                    self._lines[entry["id"]] = entry

    def __contains__(self, generation_id: str) -> bool:
        return generation_id in self._lines

    def unsent(self) -> list[tuple[str, dict[str, Any]]]:
        """Labels that were given, and of which it is not known that the service has them."""
        return [(id, line["label"]) for id, line in self._lines.items() if "label" in line]

    def graded(self, generation_id: str, label: dict[str, Any]) -> None:
        """Notes a label before it is sent."""
        self._write({"id": generation_id, "at": time.time(), "label": label})

    def done(self, generation_id: str) -> None:
        """Notes that the service has the label, or will never take it."""
        self._write({"id": generation_id, "at": time.time()})

    def close(self) -> None:
        """Lets another process use the file."""
        self._file.close()
        self._lock.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._lines[line["id"]] = line
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
