"""The state that both kinds of client share: connections, queues, and the end of the process."""

import json
import os
import ssl
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._decisions import BATCH_PATH, NO_STEPS, Breaker, Decisions
from ._http import Connections, Endpoint, Reply
from ._local import LocalDecider
from ._outbox import Enrolments, Report, Reporter
from ._outcome import cancellation_of, outcome_of, prompt_of
from ._probe_forms import ProbeForms
from ._process import AtExit, watch_forks
from ._telemetry import Counters, warn
from .errors import CallFailed
from .generation import Backend, Cadence, Context, Ending, Generation, Grade, Prompt

_PING_SECONDS = 1.0


class Session(Backend):
    """The state of a client, and the backend of its generations. See `BaseClient` for its options."""

    def __init__(
        self, *, url: str | None, token: str | None, local: bool, prefix: str, timeout: float, queue_size: int,
        exit_seconds: float, max_staleness: float, on_label_wanted: Callable[[str], None] | None,
        ssl_context: ssl.SSLContext | None,
    ) -> None:  # fmt: skip
        url = url or os.environ.get("STOPGATE_URL") or "http://localhost:8080"
        self.endpoint = Endpoint(url, token or os.environ.get("STOPGATE_TOKEN"), ssl_context)
        self.timeout, self._exit_seconds, self._on_label_wanted = timeout, exit_seconds, on_label_wanted
        self.counters = Counters()
        self.deciding = Connections(self.endpoint)
        self._reporting = Connections(self.endpoint)
        self.breaker = Breaker(self._ping)
        self._reporter = Reporter(self._post, queue_size, self.counters, self._received)
        self._enrolments = Enrolments(self._post, self.counters)
        self.local = LocalDecider(self._get, prefix, max_staleness, self._enrolments) if local else None
        self.decisions = Decisions(self.counters, self.breaker, self.local)
        of_bundle = None if self.local is None else self.local.form_of
        self.forms = ProbeForms(self._post_form, of_bundle, self.decisions.learn)
        self._exit = AtExit(self)
        watch_forks(self)

    def after_fork(self) -> None:
        """Gives a forked process its own connections, threads, queues and counters."""
        self.deciding.forget()
        self._reporting.forget()
        for name, zero in vars(Counters()).items():
            setattr(self.counters, name, zero)
        for part in (self.breaker, self._reporter, self._enrolments, self.local):
            if part is not None:
                part.after_fork()
        self._exit = AtExit(self)

    def generation(
        self, context: Context, id: str | None, group: str | None, sample: int | None, samples: int | None,
        grade: Grade | None, retry_of: str | None = None, prompt: Prompt | None = None,
    ) -> Generation:  # fmt: skip
        """Makes a generation, with a random id if none is given."""
        return Generation(self, id or uuid.uuid4().hex, context, group, sample, samples, grade, retry_of, prompt)

    def cadence_of(self, generation: Generation) -> Cadence:
        """The cadence of a generation."""
        return self.decisions.cadence_of(generation)

    def asks_first(self, generation: Generation) -> bool:
        """Whether to ask about a generation before an answer is forced."""
        return self.decisions.asks_first(generation)

    def skip_check(self, generation: Generation, tokens: int) -> bool:
        """Postpones a due check if no decision can be made now. Returns whether it did."""
        return self.decisions.skip_check(generation, tokens)

    def decide_locally(self, generations: Sequence[Generation], local: LocalDecider) -> None:
        """Decides by the bundle."""
        self._exit.arrange()
        self.decisions.decide_locally(generations, local)

    def report_outcome(self, generation: Generation, ending: Ending) -> None:
        """Queues the outcome of a generation that has ended."""
        outcome = outcome_of(generation, ending)
        if self.decisions.stores_prompts(generation):
            outcome.update(prompt_of(generation))
        self._put(generation.id, outcome)

    def report_cancellation(self, generation: Generation, tokens: int) -> None:
        """Queues the notice that the client of a generation went away."""
        self._put(generation.id, cancellation_of(generation, tokens))

    def label(self, generation_id: str, label: Mapping[str, Any]) -> None:
        """Queues a label."""
        self._put(generation_id, label, is_label=True)

    def flush(self, timeout: float) -> bool:
        """Waits until all reports are sent. Returns whether they were, within `timeout` seconds."""
        return self._reporter.flush(timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Sends queued reports and ends the threads. Returns whether all was sent."""
        seconds = self._exit_seconds if timeout is None else timeout
        self._exit.is_closed = True
        self.breaker.close()
        if self.local is not None:
            self.local.close()
        self._enrolments.close(seconds)
        is_sent = self._reporter.close(seconds)
        self.deciding.close()
        self._reporting.close()
        return is_sent

    def _put(self, generation_id: str, body: Mapping[str, Any], is_label: bool = False) -> None:
        self._exit.arrange()
        encoded = json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
        self._reporter.put(Report(generation_id, encoded, is_label))

    def _ping(self) -> None:
        self._reporting.call("POST", BATCH_PATH, NO_STEPS, timeout=_PING_SECONDS).json()

    def _post(self, path: str, body: bytes, timeout: float) -> Any:
        return self._reporting.call("POST", path, body, timeout=timeout).json()

    def _post_form(self, path: str, body: bytes) -> Any:
        if self.breaker.is_open:
            raise CallFailed("stopgate is down")
        try:
            reply = self._post(path, body, self.timeout)
        except CallFailed:
            self.breaker.failed()
            raise
        self.breaker.succeeded()
        return reply

    def _get(self, path: str, headers: dict[str, str], timeout: float) -> Reply:
        return self._reporting.call("GET", path, None, headers, timeout=timeout)

    def _received(self, generation_id: str, receipt: Mapping[str, Any]) -> None:
        for warning in receipt.get("warnings", ()):
            why = f"{warning} (none of its checks got a decision)" if warning == "arm_missing" else warning
            warn(f"receipt {warning}", f"stopgate warns with the outcome of {generation_id}: {why}")
        if receipt["label_wanted"] and self._on_label_wanted is not None:
            try:
                self._on_label_wanted(generation_id)
            except Exception as error:
                warn("on_label_wanted", f"on_label_wanted() failed: {error!r}")
