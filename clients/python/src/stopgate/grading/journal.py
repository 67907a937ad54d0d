"""The journal of a grader: which generations it has graded, so that a restart grades none twice."""

import contextlib
import json
import os
import time
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

from .judge import KnownPairs

_KEPT_SECONDS = 2 * 86_400.0
"""Follow-ups end within a day."""
_SPARE_LINES = 10_000
"""Lines that are written, beyond as many as there are, before the file is rewritten."""


class JournalTaken(Exception):  # noqa: N818
    """Another grader uses the journal."""


class Journal:
    """Labels by generation, in a file of JSON lines that holds no texts.

    It is written before an item is graded, and before a label is sent.

    Args:
        path: of the file, which is made if there is none. One process at a time may use it.

    Raises:
        JournalTaken: another process uses it.
        OSError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, dict[str, Any]] = {}
        self._writing = Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _open_own(path.with_name(path.name + ".lock"), os.O_RDWR)
        self._take()
        self._read(path)
        self._rewrite()

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
                self._lines[entry["id"]] = {"at": float(entry["at"]), **entry}

    def __contains__(self, generation_id: str) -> bool:
        return generation_id in self._lines and "later" not in self._lines[generation_id]

    def unsent(self) -> list[tuple[str, dict[str, Any]]]:
        """Labels that were given, and of which it is not known that the service has them."""
        return [(id, line["label"]) for id, line in self._lines.items() if "label" in line]

    def unfinished(self) -> set[str]:
        """Generations whose grading began and has not ended."""
        return {id for id, line in self._lines.items() if line.get("begun")}

    def begun(self, generation_id: str) -> None:
        """Notes that the grading of a generation begins, so that a restart does not begin it again."""
        self._write({"id": generation_id, "at": time.time(), "begun": True})

    def forget(self, generation_id: str) -> None:
        """Notes that a generation may be graded later: the grader could not do it now."""
        self._write({"id": generation_id, "at": time.time(), "later": True})

    def known_pairs(self, source: str) -> KnownPairs:
        """How a judge has compared known pairs, also before a restart, which would otherwise unblock it."""
        id = f"known pairs of {source}"

        def keep(newest: str) -> None:
            self._write({"id": id, "at": time.time(), "known": newest})

        return KnownPairs(str(self._lines.get(id, {}).get("known", "")), keep)

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

    def _rewrite(self) -> None:
        """Forgets old labels, but no known pairs, and replaces the file by one with a line for each of the others."""
        oldest = time.time() - _KEPT_SECONDS
        self._lines = {id: line for id, line in self._lines.items() if line["at"] > oldest or "known" in line}
        draft = self._path.with_name(self._path.name + ".new")
        with _open_own(draft, os.O_WRONLY | os.O_TRUNC) as file:
            file.writelines(json.dumps(line) + "\n" for line in self._lines.values())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        _sync_folder(self._path.parent)
        self._file: TextIO = self._path.open("a")
        self._room = len(self._lines) + _SPARE_LINES

    def _write(self, line: dict[str, Any]) -> None:
        with self._writing:
            if self._room == 0:
                self._file.close()
                self._rewrite()
            self._room -= 1
            self._lines[line["id"]] = line
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())


def _open_own(path: Path, flags: int) -> TextIO:
    """Opens a file beside the journal for writing.

    Raises:
        OSError: it is a symbolic link, by which somebody else could have any file of ours overwritten.
    """
    number = os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)  # Windows has no such flag
    return os.fdopen(number, "w" if flags & os.O_TRUNC else "r+")


def _sync_folder(folder: Path) -> None:
    """Makes a rename in a folder durable, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
