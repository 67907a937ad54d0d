"""The worker that follows the list of wanted labels, grades, and posts the labels."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from .. import _clock
from .._http import Connections, Endpoint, Reply
from ..errors import CallFailed
from .graders import Http
from .items import Early, Grader, GradingFailed, Item, NotGradable, verdicts_of
from .journal import Journal
from .judge import Judge, JudgeBlocked

_PAGE = 100
_WAIT_SECONDS = 10
_CALL_SECONDS = 30.0
_FIRST_BACKOFF, _MAX_BACKOFF = 0.5, 30.0
_RETRY_SECONDS, _MAX_RETRY_SECONDS = 5.0, 60.0
_MAX_ATTEMPTS = 5
"""Failures after which an item is given up. Those while the grader is away do not count."""
_WALK_SECONDS = 60.0
"""Time after which the list is read from its start again, though its end still grows."""
_NO_ACCESS = (401, 403)
_BAD_CONTEXT = ("INVALID_CONTEXT_KEY", "UNKNOWN_CONTEXT_LEVEL")
_BAD_LABEL = ("INVALID_LABEL", "INVALID_INPUT", "OUTCOME_NOT_FOUND")
"""Codes of replies to a label that the service will never take. Others, as of a proxy in between, may pass."""

ResultT = TypeVar("ResultT")

Texts = Callable[[str], Mapping[str, Any] | None]
"""Returns the `prompt` and `reference` of a generation by its id, as far as the operator knows them; None: neither."""


class Refused(CallFailed):
    """The service or the grader refuses the worker's token, or the service its context: the worker cannot go on."""


class Counts:
    """What a worker has done. `verdicts` counts early answers, and those that stops served."""

    def __init__(self) -> None:
        self.graded = self.posted = self.duplicates = self.refused = self.failed = self.not_gradable = 0
        self.given_up = 0
        self.without_answers = 0
        self.verdicts: Counter[str] = Counter()

    @property
    def unlabelled(self) -> int:
        """Generations that get no label: refused, not gradable, or given up."""
        return self.refused + self.not_gradable + self.given_up

    def line(self) -> str:
        """A progress line."""
        early = ", ".join(f"{name} {self.verdicts[name]}" for name in ("lost", "tie", "gained"))
        rest = {
            "attempts failed": self.failed, "refused": self.refused, "not gradable": self.not_gradable,
            "given up": self.given_up, "without answers": self.without_answers,
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
        self._failures: dict[str, int] = {}
        self._bad_context: tuple[str, ...] = _BAD_CONTEXT
        self._interrupted = journal.unfinished()
        if isinstance(grader, Judge):
            grader.known = journal.known_pairs(grader.source)
        self._seen: set[str] = set()
        self._without_answers: set[str] = set()
        self.counts = Counts()

    def stop(self) -> None:
        """Ends `run` once labels in progress are posted."""
        self._ended.set()

    def run(self, until_empty: bool = False) -> None:
        """Follows the list until `stop` is called.

        Args:
            until_empty: whether to return once everything on the list is graded, or cannot be.

        Raises:
            Refused: the service or the grader refuses the worker's token, or the service the context; where
                `until_empty` is set, also a context that it does not know yet.
            JudgeBlocked: known pairs show that somebody may have manipulated the judge.
            OSError: the journal cannot be written.
        """
        if until_empty:
            self._bad_context += ("CONTEXT_NOT_FOUND",)
        try:
            for id, label in self._journal.unsent():
                self._post(id, label)
            self._follow(until_empty)
        finally:
            self._ended.set()
            self._pool.shutdown(cancel_futures=True)

    def _follow(self, until_empty: bool) -> None:
        after: str | None = None
        wait = graded = 0
        began = _clock.now()
        while not self._ended.is_set():
            page = self._call("GET", self._place(after, wait), None, "the list of wanted labels", self._page_of)
            if page is None:
                return
            graded += self._grade_all(page)
            is_recent = _clock.now() < began + _WALK_SECONDS
            if page.next is not None:
                after, wait = page.next, 0
            elif page.ids and not until_empty and is_recent:
                after, wait = page.last, _WAIT_SECONDS  # for those that come after the last one
            elif until_empty and graded == 0:
                return
            else:
                # Outcomes that came late are listed before that place, where they were enrolled.
                after, wait = None, _WAIT_SECONDS if after is None and not page.ids and not until_empty else 0
                began, graded = _clock.now(), 0
                self._forget_unlisted()

    def _place(self, after: str | None, wait: int) -> str:
        return self._path + (f"&after={quote(after)}" if after else "") + (f"&wait_seconds={wait}" if wait else "")

    def _page_of(self, body: Mapping[str, Any]) -> _Page:
        items = [self._item_of(one) for one in body["wanted"]]
        ids = set(body["generation_ids"])
        with self._lock:
            self._seen |= ids
            self._without_answers = (self._without_answers | ids) - {item.generation_id for item in items}
            self.counts.without_answers = len(self._without_answers)
        return _Page(body["generation_ids"], items, body["next"], body["last"])

    def _forget_unlisted(self) -> None:
        """Forgets the failures of generations that were not on the list when it was last read as a whole."""
        with self._lock:
            self._failures = {id: count for id, count in self._failures.items() if id in self._seen}
            self._seen, self._without_answers = set(), set()

    def _item_of(self, wanted: Mapping[str, Any]) -> Item:
        early = [Early(one["answer"], one["steps"]) for one in wanted["early"]]
        id = wanted["generation_id"]
        return Item(id, wanted["answer"] or "", early, wanted["steps"], wanted["prompt"])

    def _is_fresh(self, item: Item) -> bool:
        id = item.generation_id
        return id not in self._journal and self._failures.get(id, 0) < _MAX_ATTEMPTS

    def _grade_all(self, page: _Page) -> int:
        """Grades the items of a page. Returns how many there were to be graded."""
        for item in page.items:
            if item.generation_id in self._interrupted:
                self._interrupted.discard(item.generation_id)
                self._leave(item, "given_up", "the grader ended while it graded it")
        fresh = [item for item in page.items if self._is_fresh(item)]
        futures = []
        for item in fresh:
            if not self._take_turn():
                break
            futures.append(self._pool.submit(self._grade, item))
        pauses = [pause for future in futures if (pause := future.result()) > 0]
        if pauses:
            self._ended.wait(min(pauses))
        return len(fresh)

    def _take_turn(self) -> bool:
        """Waits for the next start that the rate allows. Returns whether the worker goes on."""
        now = _clock.now()
        start = max(now, self._next_start)
        self._next_start = start + self._pause
        return not self._ended.wait(start - now) if start > now else not self._ended.is_set()

    def _grade(self, item: Item) -> float:
        """Grades and posts. Returns seconds after which a failed one is tried again; 0: it did not fail."""
        if not item.early:
            return self._leave(item, "not_gradable", None)
        if not isinstance(self._grader, (Judge, Http)):  # these have timeouts, so a restart may ask again
            self._journal.begun(item.generation_id)
        try:
            label = {**self._grader.label(self._with_texts(item)), "source": self._grader.source}
            verdicts = verdicts_of(item, label)
        except NotGradable as error:
            self._journal.forget(item.generation_id)
            return self._leave(item, "not_gradable", str(error))
        except JudgeBlocked:
            self._journal.forget(item.generation_id)
            raise
        except CallFailed as error:
            self._journal.forget(item.generation_id)
            return self._failed(item, error)
        except Exception as error:  # of an odd answer, which stays begun: the others are graded
            return self._leave(item, "given_up", repr(error))
        with self._lock:
            self._journal.graded(item.generation_id, label)
            self.counts.graded += 1
            self.counts.verdicts.update(verdicts)
        self._post(item.generation_id, label)
        return 0

    def _failed(self, item: Item, error: CallFailed) -> float:
        if error.status in _NO_ACCESS:
            raise Refused(str(error), error.status) from error
        is_outage = isinstance(error, GradingFailed) and error.is_outage
        with self._lock:
            self.counts.failed += 1
            failures = self._failures.get(item.generation_id, 0) + (not is_outage)
            self._failures[item.generation_id] = failures
        if failures == _MAX_ATTEMPTS:
            return self._leave(item, "given_up", str(error))
        self._warn(str(error))
        return min(_MAX_RETRY_SECONDS, error.retry_after or _RETRY_SECONDS)

    def _leave(self, item: Item, count: str, why: str | None) -> float:
        """Leaves an item without a label."""
        with self._lock:
            self._failures[item.generation_id] = _MAX_ATTEMPTS
            setattr(self.counts, count, getattr(self.counts, count) + 1)
        if why is not None:
            self._warn(f"{item.generation_id} cannot be graded: {why}")
        return 0

    def _with_texts(self, item: Item) -> Item:
        try:
            known = None if self._texts is None else self._texts(item.generation_id)
        except Exception as error:
            raise GradingFailed(f"prompts and references cannot be read: {error!r}") from error
        if known is None:
            return item
        return item._replace(prompt=known.get("prompt", item.prompt), reference=known.get("reference"))

    def _post(self, id: str, label: Mapping[str, Any]) -> None:
        path = f"/v1/outcomes/{quote(id, safe='')}/label"
        reply = self._call("POST", path, json.dumps(label).encode(), f"the label of {id}", dict)
        if reply is None:
            return  # the worker ends: the journal has the label, and the next start sends it
        with self._lock:
            self._journal.done(id)
            self.counts.posted += int(reply.get("accepted", 0))
            self.counts.duplicates += int(reply.get("duplicates", 0))
            self.counts.refused += int("refused" in reply)

    def _call(
        self, method: str, path: str, body: bytes | None, what: str, read: Callable[[Any], ResultT]
    ) -> ResultT | None:
        """Calls until the service replies. Returns None once the worker ends.

        Raises:
            Refused: it never will.
        """
        pause, said = _FIRST_BACKOFF, ""
        while True:
            try:
                reply = self._service.call(method, path, body, timeout=_CALL_SECONDS + _WAIT_SECONDS)
                code = _code_of(reply)
                if reply.status in _NO_ACCESS or code in self._bad_context:
                    raise Refused(f"{what}: {_text_of(reply)}", reply.status)
                if method == "POST" and code in _BAD_LABEL:
                    self._warn(f"{what} was refused: {_text_of(reply)}")
                    return read({"refused": True})
                return read(reply.json())
            except Refused:
                raise
            except (CallFailed, KeyError, TypeError, ValueError) as error:
                if str(error) != said:
                    said = str(error)
                    self._warn(f"{what}: {said}; it is asked for until it comes")
                after = error.retry_after if isinstance(error, CallFailed) else None
                if self._ended.wait(after or pause):
                    return None
                pause = min(_MAX_BACKOFF, 2 * pause)


def _code_of(reply: Reply) -> str | None:
    """The code of the service's error; None: it is no error of the service."""
    try:
        code = json.loads(reply.body)["code"] if reply.status >= 400 else None
        return code if isinstance(code, str) else None
    except (ValueError, KeyError, TypeError):
        return None


def _text_of(reply: Reply) -> str:
    return f"{reply.status} {reply.body[:500].decode('utf-8', 'replace')}"
