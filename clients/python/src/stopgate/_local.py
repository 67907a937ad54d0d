"""Decides in the worker's own process by a bundle, which a thread keeps up to date."""

import threading
from collections.abc import Callable, Sequence
from urllib.parse import quote

from . import _clock
from ._answers import ProbeForm
from ._bundle import Bundle, Rule, keyed, uniform
from ._http import Reply
from ._outbox import Enrolments
from ._process import Background
from ._telemetry import warn
from .errors import CallFailed
from .generation import NEVER, Cadence, Generation, Step

_POLL_SECONDS = 30
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 10.0

Get = Callable[[str, dict[str, str], float], Reply]


class LocalDecider:
    """Decides by a bundle that is renewed by long polls.

    Args:
        get: gets a path with headers within so many seconds; raises CallFailed.
        prefix: context key that all generations lie within; "*": all.
        max_staleness: seconds without a renewal after which everything continues.
        enrolments: get the generations that start.
    """

    def __init__(self, get: Get, prefix: str, max_staleness: float, enrolments: Enrolments) -> None:
        self._get, self._prefix, self._max_staleness, self._enrolments = get, prefix, max_staleness, enrolments
        self._background = Background("bundle", self._run)
        self._bundle: Bundle | None = None
        self._renewed_at = 0.0
        self.after_fork()

    def after_fork(self) -> None:
        """A child keeps the bundle that it has, and renews it itself."""
        self._has_bundle = threading.Event()
        if self._bundle is not None:
            self._has_bundle.set()
        self._closing = threading.Event()
        self._background.after_fork()

    def wait(self, timeout: float) -> bool:
        """Waits for the first bundle. Returns whether it has come within `timeout` seconds."""
        self._background.ensure()
        return self._has_bundle.wait(timeout)

    def close(self) -> None:
        """Ends the renewals, at the latest when the poll under way does."""
        self._closing.set()

    def cadence_of(self, generation: Generation) -> Cadence | None:
        """When to ask about a generation; None: the bundle does not say."""
        rule = None if self._bundle is None else self._bundle.rule_of(generation.context, generation.context_key)
        return None if rule is None else rule.cadence

    def form_of(self, generation: Generation) -> tuple[bool, ProbeForm | None]:
        """Whether a probe form is known in the context of a generation, and which; None: none fits."""
        rule = None if self._bundle is None else self._bundle.rule_of(generation.context, generation.context_key)
        return (False, None) if rule is None else (rule.has_form, rule.form)

    def stores_prompts(self, generation: Generation) -> bool:
        """Whether the service keeps the prompts of its context."""
        rule = None if self._bundle is None else self._bundle.rule_of(generation.context, generation.context_key)
        return rule is not None and rule.stores_prompts

    @property
    def bundle(self) -> Bundle | None:
        """The bundle; None: there is none, or it is too old."""
        return self._bundle if self.is_usable else None

    @property
    def is_usable(self) -> bool:
        """Whether there is a bundle, and it is not too old."""
        self._background.ensure()
        return self._bundle is not None and _clock.now() - self._renewed_at <= self._max_staleness

    def leaves_alone(self, generation: Generation, tokens: int) -> bool:
        """Draws the arm of a generation at its first check. Returns whether it needs no probes and no further checks.

        It is treated then, and nothing can stop it: no threshold is in force, or the mode is not "enforce". It is not
        asked about again even if this changes before its end: evidence is about stops at the first of all checks that
        reach the threshold.
        """
        bundle = self._bundle
        rule = None if bundle is None else bundle.rule_of(generation.context, generation.context_key)
        if bundle is None or rule is None:
            return False
        if generation.arm is None:
            self._draw(generation, bundle.salt, rule, tokens)
        if not rule.leaves_alone(generation.arm):
            return False
        if not generation.steps:
            generation.steps.append(Step(tokens, None, {}))  # it is reported, since it has been drawn
        generation.next_check = NEVER
        return True

    def decide(self, generations: Sequence[Generation]) -> list[Generation]:
        """Decides the last step of each generation. Returns those without a decision, which go on."""
        bundle = self._bundle if self.is_usable else None
        if bundle is None:
            return list(generations)
        undecided = []
        for one in generations:
            rule = bundle.rule_of(one.context, one.context_key)
            if rule is None:
                undecided.append(one)
                continue
            if one.retry_of is not None:
                one.arm = "treated"
                one.checked(stop=False, probe=False, next_check=one.next_check)
                continue
            if one.arm is None:
                self._draw(one, bundle.salt, rule, one.steps[-1].tokens)
            step = one.steps[-1]
            is_control = one.arm == "control"
            is_early = one.is_early and not is_control
            if is_early:
                one.warn_early()
            is_stop = not is_control and not is_early and rule.stops(step, one.arm)
            if is_stop:
                one.stopped_by = {
                    "score": rule.score(step),
                    "threshold": rule.threshold,
                    "snapshot_version": bundle.version,
                    **({} if rule.scorer is None else {"scorer": rule.scorer.name}),
                }
            one.decided(
                is_stop,
                is_control and rule.wants_probe(step, one.arm, one.probed_score),
                NEVER if rule.leaves_alone(one.arm) else rule.cadence.next_check(step.tokens),
                would_stop=not is_early and rule.stops(step, None),
                is_in_force=rule.threshold is not None,
            )
        return undecided

    def _draw(self, generation: Generation, salt: str | None, rule: Rule, tokens: int) -> None:
        """Draws the arm, and enrols the generation if it may become evidence."""
        if salt is None:
            generation.arm = "treated"
            return
        if generation.prompt_hash is not None:
            generation.prompt_hash = keyed(salt, generation.prompt_hash)
        u = uniform(salt, generation.group or generation.prompt_hash or generation.id)
        generation.arm, generation.control_share = "control" if u < rule.share else "treated", rule.share
        if generation.sample or not rule.enrols(salt, u, generation.group or generation.id):
            return
        if tokens > rule.cadence.next_check(0):
            generation.warn_late(tokens)
            return
        started: dict[str, str | int] = {"generation_id": generation.id}
        if generation.group is not None:
            started["group_id"] = generation.group
            if generation.sample is not None:
                started["sample"] = generation.sample
        elif generation.prompt_hash is not None:
            started["prompt_hash"] = generation.prompt_hash
        self._enrolments.add(generation.context, rule.epoch, rule.share, started)

    def _run(self) -> None:
        etag, wait = "", _FIRST_WAIT_SECONDS
        while not self._closing.is_set():
            try:
                etag = self._renew(etag)
                wait = _FIRST_WAIT_SECONDS
            except (CallFailed, KeyError, TypeError, ValueError) as error:
                warn("bundle", f"the rules of stopgate can't be read: {error}")
                self._closing.wait(wait)
                wait = min(_LONGEST_WAIT_SECONDS, 2 * wait)

    def _renew(self, etag: str) -> str:
        path = f"/v1/bundle?prefix={quote(self._prefix, safe='')}&wait={_POLL_SECONDS}"
        headers = {"accept-encoding": "gzip", **({"if-none-match": etag} if etag else {})}
        reply = self._get(path, headers, _POLL_SECONDS + 10)
        if reply.status != 304:
            body = reply.json()
            try:
                self._bundle = Bundle(body)
            except ValueError:  # an unknown format: everything continues
                self._bundle = None
                raise
            etag = reply.headers.get("etag", "")
        self._renewed_at = _clock.now()
        self._has_bundle.set()
        return etag
