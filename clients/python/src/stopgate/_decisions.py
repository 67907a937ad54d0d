"""Asks the service for decisions on many generations in one call, and does not ask while the service is down."""

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from . import _clock
from ._http import Reply
from ._local import LocalDecider
from ._process import Background
from ._telemetry import Counters, logger, warn
from .errors import CallFailed, CallTimedOut
from .generation import NEVER, Cadence, Generation, cadence_in

BATCH_PATH = "/v1/decisions/batch"
MAX_STEPS = 4096
NO_STEPS = b'{"steps":[]}'
"""A body that asks about no generation, for a ping."""

_MAX_RULES = 100_000
_SLOW = ". If this repeats, check that the service can be reached, give it more CPU, or raise the client's timeout"
_BREAKER_FAILURES = 2
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.25, 10.0


class Breaker:
    """A circuit breaker. It opens after two failed calls in a row, and closes once a ping in the background succeeds.

    While it is open no calls are made, so that an outage costs a process two timeouts instead of one for each step.

    Args:
        ping: calls the service, with a timeout; raises CallFailed.
    """

    def __init__(self, ping: Callable[[], None]) -> None:
        self._ping = ping
        self._failures = 0
        self._closing = threading.Event()
        self._background = Background("ping", self._wait)
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether to make no calls. While it is true, a thread pings."""
        if self._is_open:
            self._background.ensure()
        return self._is_open

    def succeeded(self) -> None:
        """A call got its reply."""
        self._failures = 0

    def failed(self) -> None:
        """A call got no usable reply."""
        self._failures += 1
        if self._failures >= _BREAKER_FAILURES and not self._closing.is_set():
            self._is_open = True
            self._background.ensure()

    def after_fork(self) -> None:
        """Closes the breaker in a forked process."""
        self._closing = threading.Event()
        self._background.after_fork()
        self._failures, self._is_open = 0, False

    def close(self) -> None:
        """Ends the pings."""
        self._closing.set()

    def _wait(self) -> None:
        wait, since = _FIRST_WAIT_SECONDS, _clock.now()
        is_logged = warn("down", "stopgate is down: all generations go on without decisions until it answers again")
        while not self._closing.wait(wait * random.uniform(0.5, 1)):
            try:
                self._ping()
            except CallFailed as error:
                is_logged |= warn("down", f"stopgate is still down, so all generations go on: {error}")
                wait = min(_LONGEST_WAIT_SECONDS, 2 * wait)
            else:
                if is_logged:
                    logger.warning("stopgate answers again, after %.1f s", _clock.now() - since)
                break
        self._failures, self._is_open = 0, False


class Rule(NamedTuple):
    """The rule in force in a context, as far as replies have it."""

    cadence: Cadence
    is_in_force: bool
    """Whether there is a threshold."""
    control_share: float
    stores_prompts: bool = False
    mode: str = "enforce"

    @property
    def may_stop(self) -> bool:
        """Whether a treated generation can be stopped."""
        return self.is_in_force and self.mode == "enforce"


class Decisions:
    """Checks generations. A generation without a decision goes on.

    Args:
        counters: where to count.
        breaker: says whether to ask at all.
        local: decides by the bundle; None: the service is asked.
    """

    def __init__(self, counters: Counters, breaker: Breaker, local: LocalDecider | None) -> None:
        self._counters, self._breaker, self._local = counters, breaker, local
        self._rules: dict[str, Rule] = {}

    def learn(self, generation: Generation, rule: Mapping[str, Any]) -> None:
        """Notes the rule of the context of a generation, by a reply."""
        _make_room(self._rules)
        _note(self._rules, generation, rule)

    def asks_first(self, generation: Generation) -> bool:
        """Whether to ask about a generation before an answer is forced.

        Its arm is not drawn yet, and nothing is known that could stop it. Only a control generation then needs one.
        """
        rule = self._rules.get(generation.context_key)
        return self._local is None and generation.arm is None and rule is not None and not rule.may_stop

    def cadence_of(self, generation: Generation) -> Cadence:
        """The cadence of a generation: the default one until the service has sent another one."""
        known = self._local.cadence_of(generation) if self._local is not None else None
        if known is None and generation.context_key in self._rules:
            return self._rules[generation.context_key].cadence
        return known or Cadence()

    def stores_prompts(self, generation: Generation) -> bool:
        """Whether the service keeps the prompts of its context, as far as replies or the bundle say."""
        if self._local is not None:
            return self._local.stores_prompts(generation)
        rule = self._rules.get(generation.context_key)
        return rule is not None and rule.stores_prompts

    def skip_check(self, generation: Generation, tokens: int) -> bool:
        """Whether a due check is left out: it is postponed if no decision can be made now, or none is needed at all."""
        can_decide = self._local.is_usable if self._local is not None else not self._breaker.is_open
        if can_decide:
            return self._local is not None and self._local.leaves_alone(generation, tokens)
        self._counters.checks += 1
        self._counters.undecided += 1
        generation.next_check = self.cadence_of(generation).next_check(tokens)
        return True

    def decide_locally(self, generations: Sequence[Generation], local: LocalDecider) -> None:
        """Decides by the bundle."""
        self._counters.checks += len(generations)
        undecided = local.decide(generations)
        self._counters.stops += sum(one.stopped for one in generations)
        self._continue(undecided)

    def body_of(self, generations: Sequence[Generation]) -> bytes | None:
        """The body of the call that asks about generations; None: they go on, since the breaker is open."""
        self._counters.checks += len(generations)
        if self._breaker.is_open:
            self._continue(generations)
            return None
        self._counters.calls += 1
        return batch_of(generations)

    def take(self, generations: Sequence[Generation], reply: Reply) -> None:
        """Applies the decisions of a reply.

        Raises:
            CallFailed: the reply holds no decisions.
        """
        body = reply.json()
        try:
            undecided = _apply_reply(body, generations, self._rules)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise CallFailed(f"the reply has no decisions: {error!r}") from error
        self._breaker.succeeded()
        self._counters.stops += sum(one.stopped for one in generations)
        self._continue(undecided)

    @contextmanager
    def continuing_on_failure(self, generations: Sequence[Generation]) -> Iterator[None]:
        """Lets generations go on if the call about them fails."""
        try:
            yield
        except CallFailed as error:
            self._counters.failures += 1
            self._breaker.failed()
            kind, advice = ("timeout", _SLOW) if isinstance(error, CallTimedOut) else (error.status, "")
            warn(f"check {kind}", f"generations go on without a decision: {error}{advice}")
            self._continue(generations)

    def _continue(self, generations: Sequence[Generation]) -> None:
        """Lets generations go on without a decision. A control generation is probed if its answer would be evidence."""
        self._counters.undecided += len(generations)
        for one in generations:
            step = one.steps[-1]
            is_highest = step.confidence is not None and step.confidence > (one.probed_score or 0.0)
            next_check = self.cadence_of(one).next_check(step.tokens)
            one.checked(stop=False, probe=one.arm == "control" and is_highest, next_check=next_check)


def batch_of(generations: Sequence[Generation]) -> bytes:
    """The body of a call of POST /v1/decisions/batch that asks about the last step of each generation."""
    body = {"steps": [_step_of(one) for one in generations]}
    return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()


def _step_of(generation: Generation) -> dict[str, Any]:
    last = generation.steps[-1]
    step: dict[str, Any] = {
        "context": generation.context,
        "generation_id": generation.id,
        "tokens": last.tokens,
        "confidence": last.confidence,
    }
    optional = {
        "arm": generation.arm,
        "group_id": generation.group,
        "sample": generation.sample if generation.arm is None and generation.group is not None else None,
        "prompt_hash": generation.prompt_hash if generation.arm is None else None,
        "due_tokens": generation.due_tokens,
        "retry_of": generation.retry_of,
        "probed_score": generation.probed_score,
        "signals": last.signals or None,
    }
    step.update((name, value) for name, value in optional.items() if value is not None)
    return step


def _make_room(rules: dict[str, Rule]) -> None:
    if len(rules) > _MAX_RULES:
        rules.clear()


def _note(rules: dict[str, Rule], generation: Generation, rule: Mapping[str, Any]) -> None:
    rules[generation.context_key] = Rule(
        cadence_in(rule),
        rule["threshold"] is not None,
        rule["control_share"],
        rule.get("store_prompts", False),
        rule["mode"],
    )


def _apply_reply(body: Any, generations: Sequence[Generation], rules: dict[str, Rule]) -> list[Generation]:
    """Passes the decisions of a reply to its generations.

    Args:
        body: the reply to a call that asked about these generations.
        rules: by context; those of the reply are added.

    Returns:
        The generations whose steps the service could not read.

    Raises:
        KeyError, TypeError, ValueError, IndexError, AttributeError: the body is not the reply to this call.
    """
    undecided: list[Generation] = []
    _make_room(rules)
    for one, decision in zip(generations, body["decisions"], strict=True):
        if "error" in decision:
            path, message = decision["error"]["path"], decision["error"]["message"]
            warn(f"step {message}", f"no decision for {one.id}: {path} {message}")
            undecided.append(one)
            continue
        for warning in decision["warnings"]:
            _warn_of(one, warning)
        if one.arm is None:
            _note(rules, one, decision["rule"])
            one.arm, one.control_share = decision["arm"], decision["rule"]["control_share"]
        next_check = decision["next_check_tokens"]
        one.decided(
            decision["decision"] == "stop",
            decision["probe"],
            NEVER if next_check is None else next_check,
            would_stop=decision["would_stop"],
            is_in_force=decision["threshold"] is not None,
        )
    return undecided


def _warn_of(generation: Generation, warning: str) -> None:
    if warning == "first_step_late":
        generation.warn_late(generation.steps[-1].tokens)
    elif warning == "asked_early":
        generation.warn_early()
    else:
        about = f"stopgate warns about context {dict(generation.context)}: {warning}"
        warn(f"{warning} {generation.context_key}", about)
