"""Which form answers are forced in: that in force, the caller's, or one that is searched for."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import _clock
from ._answers import EndTrial, Forcing, ProbeForm, choose_form
from ._telemetry import logger, warn
from .errors import CallFailed
from .generation import Generation

PROBE_FORMS_PATH = "/v1/probe-forms"
TRIED_GENERATIONS = 20

_PAUSE_GENERATIONS, _SPARE_TRIALS, _ASK_EVERY = 500, 4, 20
_REPORT_SECONDS, _FRESH_SECONDS = 5.0, 1.0
_MAX_CONTEXTS = 10_000
"""Contexts that are followed; those that were used first are forgotten first."""


@dataclass
class _Search:
    """What is known of the form in one context."""

    trials: list[EndTrial] = field(default_factory=list)
    under_way: int = 0
    paused: int = 0
    control: int = 0
    reported: tuple[dict[str, Any], float] | None = None
    is_objected: bool = False
    is_known: bool = False
    form: ProbeForm | None = None
    read_at: float | None = None


class Stated(Protocol):
    """The part of `ReasoningFormat` that says how answers are forced."""

    @property
    def end(self) -> str:
        """The tag that closes the reasoning."""
        ...

    @property
    def extract(self) -> Callable[[str], str] | None:
        """Finds the answer."""
        ...

    def stated(self) -> Forcing | None:
        """As the caller states it; None: it is found."""
        ...


class ProbeForms:
    """How answers are forced in each context: by the form in force, by the caller's, or by one that is searched for.

    Args:
        post: posts a body to a path; raises CallFailed.
        of_bundle: the form by the bundle: whether one is known, and which; None: there is no bundle.
        learn: notes the rule of a reply.
    """

    def __init__(
        self,
        post: Callable[[str, bytes], Any],
        of_bundle: Callable[[Generation], tuple[bool, ProbeForm | None]] | None,
        learn: Callable[[Generation, Mapping[str, Any]], None],
    ) -> None:
        self._post, self._of_bundle, self._learn = post, of_bundle, learn
        self._searches: dict[str, _Search] = {}
        self._lock = threading.Lock()

    def forcing(self, run: Generation, reasoning: Stated) -> Forcing | None:
        """How answers of a generation that starts now are forced; None: no form is known, so do not probe it.

        It may call the service. It never raises.
        """
        stated = reasoning.stated()
        if stated is not None and stated.form is None:
            return stated
        search = self._search_of(run)
        self._read(run, search)
        run.begin()  # the cadence may be known now
        if search.is_known:
            search.reported = None  # after a reset a form is searched for again
        if stated is not None and search.form != stated.form:
            self._state(run, search, stated)
        if search.form is None or (stated is not None and search.form == stated.form):
            return stated
        return Forcing.of(search.form, reasoning.end, reasoning.extract)

    def claims(self, run: Generation) -> bool:
        """Whether to try the forms on a generation that ran in full without one. Call `tried` or `failed` then."""
        search = self._search_of(run)
        self._read(run, search)
        if search.form is not None:
            return False
        if search.reported is not None:
            finding, at = search.reported
            if _clock.now() - at > _REPORT_SECONDS:
                self._report(run, search, finding)
            return False
        if search.is_known and search.paused < _PAUSE_GENERATIONS:
            search.paused += 1
            return False
        if len(search.trials) + search.under_way >= TRIED_GENERATIONS + _SPARE_TRIALS:
            return False
        search.under_way += 1
        return True

    def tried(self, run: Generation, trial: EndTrial, most_tokens: int) -> None:
        """The forms were tried on a generation. After enough of them the form is chosen."""
        search = self._search_of(run)
        with self._lock:
            search.under_way = max(0, search.under_way - 1)
            if search.reported is not None or search.form is not None:
                return  # it came late
            search.trials.append(trial)
            if len(search.trials) < TRIED_GENERATIONS:
                return
            trials, search.trials, search.under_way, search.paused = search.trials, [], 0, 0
        finding = choose_form(trials, most_tokens)
        _log(run, finding)
        self._report(run, search, finding)

    def failed(self, run: Generation) -> None:
        """A trial has failed."""
        search = self._search_of(run)
        search.under_way = max(0, search.under_way - 1)

    def asks_at_end(self, run: Generation) -> bool:
        """Whether to ask a control generation at the end of its reasoning, too: one in twenty."""
        search = self._search_of(run)
        search.control += 1
        return search.control % _ASK_EVERY == 0

    def _state(self, run: Generation, search: _Search, stated: Forcing) -> None:
        """Reports the caller's form, but against another one only once, since that may be another worker's."""
        assert stated.form is not None
        is_recent = search.reported is not None and _clock.now() - search.reported[1] <= _REPORT_SECONDS
        if is_recent or (search.form is not None and search.is_objected):
            return
        search.is_objected = search.form is not None
        self._report(
            run, search, {"form": stated.form._asdict(), "is_stated": True, "generations": 0, "tried": []}
        )  # fmt: skip

    def _search_of(self, run: Generation) -> _Search:
        with self._lock:
            search = self._searches.get(run.context_key)
            if search is None:
                while len(self._searches) >= _MAX_CONTEXTS:
                    del self._searches[next(iter(self._searches))]
                search = self._searches[run.context_key] = _Search()
            return search

    def _read(self, run: Generation, search: _Search) -> None:
        """Reads the form in force, from the bundle or from the service."""
        if self._of_bundle is not None:
            search.is_known, search.form = self._of_bundle(run)
            return
        now = _clock.now()
        if search.read_at is None or now - search.read_at > _FRESH_SECONDS:
            search.read_at = now
            self._call(run, search, {"context": run.context})

    def _report(self, run: Generation, search: _Search, finding: dict[str, Any]) -> None:
        search.reported = finding, _clock.now()
        self._call(run, search, {"context": run.context, "finding": finding})

    def _call(self, run: Generation, search: _Search, body: dict[str, Any]) -> None:
        try:
            reply = self._post(PROBE_FORMS_PATH, json.dumps(body).encode())
            if self._of_bundle is None:
                search.is_known = bool(reply["is_known"])
                search.form = None if reply["probe_form"] is None else ProbeForm.of(reply["probe_form"])
                self._learn(run, reply["rule"])
        except (CallFailed, KeyError, TypeError, ValueError) as error:
            warn("probe form", f"the probe form of {dict(run.context)} can't be read or reported: {error!r}")


def _log(run: Generation, finding: dict[str, Any]) -> None:
    shares = ", ".join(
        f"{one['name']} {one['agreement']:.0%} of {one['self_agreement']:.0%}" for one in finding["tried"]
    )
    context, count, form = dict(run.context), finding["generations"], finding["form"]
    if form is not None:
        logger.info("answers of %s are forced in the form %s: over %d generations %s", context, form, count, shares)
        return
    logger.warning(
        "nothing is probed in %s: over %d generations no form gave the model's own answers "
        "(agreement, and how often the model agrees with itself: %s). It is tried again after %d generations; if you "
        "know how its answers look, say so by ReasoningFormat(probe=...)",
        context, count, shares, _PAUSE_GENERATIONS,
    )  # fmt: skip
