"""The worker that follows the list of wanted labels, grades, and posts the labels."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import quote

from .._http import Connections, Endpoint
from ..errors import CallFailed
from .items import Early, Grader, Item, NotGradable, verdicts_of
from .journal import Journal

_PAGE = 100
_WAIT_SECONDS = 10
_CALL_SECONDS = 30.0
_MAX_BACKOFF = 30.0

Texts = Callable[[str], Mapping[str, Any] | None]
"""Returns the `prompt` and `reference` of a generation by its id, as far as the operator knows them; None: neither."""


class Counts:
    """What a worker has done. `verdicts` counts early answers."""

    def __init__(self) -> None:
        self.graded = self.posted = self.duplicates = self.refused = self.failed = self.not_gradable = 0
        self.without_answers = 0
        self.verdicts: Counter[str] = Counter()

    def line(self) -> str:
        """A progress line."""
        early = ", ".join(f"{name} {self.verdicts[name]}" for name in ("lost", "tie", "gained"))
        rest = {
            "failed": self.failed, "refused": self.refused, "not gradable": self.not_gradable,
            "without answers": self.without_answers,
        }  # fmt: skip
        problems = "".join(f", {name} {count}" for name, count in rest.items() if count)
        return f"graded {self.graded} (early answers: {early}), posted {self.posted}{problems}"


class _Page(NamedTuple):
    ids: Sequence[str]
    items: Sequence[Item]
    next: str | None
    last: str | None


class Worker:
    """Grades what the service wants labelled in a context, and never the same generation twice.

    Args:
        url: of the service.
        context: a context key, such as "model=qwen3-8b,task=chat". For a member of a pool the list is the pool's.
        grader: gives the labels.
        journal: remembers them.
        token: bearer token of the service; None: none.
        texts: knows prompts and references by generation id; None: only prompts that the service stores are known.
        max_per_minute: limit of the generations graded; None: no limit.
        threads: generations graded at once.
        warn: called with each problem.
    """

    def __init__(
        self, url: str, context: str, grader: Grader, journal: Journal, *, token: str | None = None,
        texts: Texts | None = None, max_per_minute: float | None = None, threads: int = 8,
        warn: Callable[[str], None] = print,
    ) -> None:  # fmt: skip
        self._service = Connections(Endpoint(url, token))
        self._path = f"/v1/contexts/{quote(context, safe='')}/wanted-labels?answers=true&limit={_PAGE}"
        self._grader, self._journal, self._texts, self._warn = grader, journal, texts, warn
        self._pause = 0.0 if max_per_minute is None else 60 / max_per_minute
        self._next_start = 0.0
        self._pool = ThreadPoolExecutor(threads)
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._skipped: set[str] = set()
        self._unseen: set[str] = set()
        self.counts = Counts()

    def stop(self) -> None:
        """Ends `run` once what is being graded is posted."""
        self._ended.set()

    def run(self, until_empty: bool = False) -> None:
        """Follows the list until `stop` is called.

        Args:
            until_empty: whether to return once everything on the list is graded.
        """
        for id, label in self._journal.unsent():
            self._post(id, label)
        after: str | None = None
        wait = 0
        while not self._ended.is_set():
            page = self._read(after, wait)
            if page is None:
                continue
            self._grade_all(page)
            if page.next is not None:
                after, wait = page.next, 0
            elif page.ids:
                if until_empty and not self._fresh(page):
                    break
                after, wait = page.last, _WAIT_SECONDS  # for those that come after the last one
            else:
                if until_empty and after is None:
                    break
                # Outcomes that came late are listed before that place, where they were enrolled.
                after, wait = None, 0 if after is not None else _WAIT_SECONDS
        self._pool.shutdown()

    def _read(self, after: str | None, wait: int) -> _Page | None:
        path = self._path + (f"&after={quote(after)}" if after else "") + (f"&wait_seconds={wait}" if wait else "")
        body = self._call("GET", path, None, "the list of wanted labels")
        if body is None:
            return None
        items = [self._item_of(one) for one in body["wanted"]]
        known = {item.generation_id for item in items}
        with self._lock:
            self._unseen = {id for id in self._unseen | set(body["generation_ids"]) if id not in known}
            self.counts.without_answers = len(self._unseen)
        return _Page(body["generation_ids"], items, body["next"], body["last"])

    def _item_of(self, wanted: Mapping[str, Any]) -> Item:
        early = [Early(one["answer"], one["steps"]) for one in wanted["early"]]
        id = wanted["generation_id"]
        return Item(id, wanted["answer"] or "", early, wanted["steps"], wanted["prompt"])

    def _fresh(self, page: _Page) -> list[Item]:
        return [
            item for item in page.items
            if item.generation_id not in self._journal and item.generation_id not in self._skipped
        ]  # fmt: skip

    def _grade_all(self, page: _Page) -> None:
        futures = []
        for item in self._fresh(page):
            if not self._take_turn():
                break
            futures.append(self._pool.submit(self._grade, item))
        failures = [future.result() for future in futures]
        if any(failures):
            self._ended.wait(min(failure for failure in failures if failure))

    def _take_turn(self) -> bool:
        """Waits for the next start that the rate allows. Returns whether the worker goes on."""
        now = time.monotonic()
        start = max(now, self._next_start)
        self._next_start = start + self._pause
        return not self._ended.wait(start - now) if start > now else not self._ended.is_set()

    def _grade(self, item: Item) -> float:
        """Grades and posts. Returns seconds after which a failed one is tried again; 0: it did not fail."""
        if not item.early:
            self._skip(item, None)
            return 0
        try:
            known = None if self._texts is None else self._texts(item.generation_id)
            label = {**self._grader.label(_with_texts(item, known)), "source": self._grader.source}
        except NotGradable as error:
            self._skip(item, str(error))
            return 0
        except CallFailed as error:
            with self._lock:
                self.counts.failed += 1
            self._warn(str(error))
            return error.retry_after or 5.0
        with self._lock:
            self._journal.graded(item.generation_id, label)
            self.counts.graded += 1
            self.counts.verdicts.update(verdicts_of(item, label))
        self._post(item.generation_id, label)
        return 0

    def _skip(self, item: Item, why: str | None) -> None:
        with self._lock:
            self._skipped.add(item.generation_id)
            self.counts.not_gradable += 1
        if why is not None:
            self._warn(f"{item.generation_id} cannot be graded: {why}")

    def _post(self, id: str, label: Mapping[str, Any]) -> None:
        path = f"/v1/outcomes/{quote(id, safe='')}/label"
        reply = self._call("POST", path, json.dumps(label).encode(), f"the label of {id}")
        if reply is None:
            return  # the worker ends: the journal has the label, and the next start sends it
        with self._lock:
            self._journal.done(id)
            self.counts.posted += int(reply.get("accepted", 0))
            self.counts.duplicates += int(reply.get("duplicates", 0))
            self.counts.refused += int("refused" in reply)

    def _call(self, method: str, path: str, body: bytes | None, what: str) -> dict[str, Any] | None:
        """Calls until the service replies. Returns None once the worker ends, and for a refused label {"refused"}."""
        pause = 0.5
        while True:
            try:
                reply = self._service.call(method, path, body, timeout=_CALL_SECONDS + _WAIT_SECONDS).json()
                assert isinstance(reply, dict)
                return reply
            except CallFailed as error:
                if method == "POST" and not error.may_succeed_later:
                    self._warn(f"{what} was refused: {error}")
                    return {"refused": True}
                self._warn(f"{what}: {error}")
                if self._ended.wait(error.retry_after or pause):
                    return None
                pause = min(_MAX_BACKOFF, 2 * pause)


def _with_texts(item: Item, known: Mapping[str, Any] | None) -> Item:
    if known is None:
        return item
    return item._replace(prompt=known.get("prompt", item.prompt), reference=known.get("reference"))
