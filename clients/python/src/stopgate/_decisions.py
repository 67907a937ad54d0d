"""What is asked about generations, and what becomes of the reply."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ._breaker import Breaker
from ._cadence import Cadence
from ._columns import columns_of
from ._http import Reply
from ._local import Local
from ._replies import take
from ._telemetry import Counters, warn
from .errors import CallFailed
from .generation import Generation


class Decisions:
    """Has generations checked. Where there is no decision, they go on.

    Args:
        counters: where to count.
        breaker: says whether to ask at all.
        local: the bundle to decide by; None: the service is asked.
    """

    def __init__(self, counters: Counters, breaker: Breaker, local: Local | None) -> None:
        self._counters, self._breaker, self._local = counters, breaker, local
        self._cadences: dict[str, Cadence] = {}

    def cadence_of(self, generation: Generation) -> Cadence:
        """When to ask about a generation. Before the service has said anything: every 32 tokens."""
        known = self._local.cadence_of(generation) if self._local is not None else None
        return known or self._cadences.get(generation.context_key) or Cadence()

    def skips(self, generation: Generation, tokens: int) -> bool:
        """Whether no decision can be had now. The check is then skipped, and the next one is due later."""
        can_decide = self._local.is_usable if self._local is not None else not self._breaker.is_open
        if can_decide:
            return False
        self._counters.checks += 1
        self._counters.undecided += 1
        generation.next_check = self.cadence_of(generation).next_check(tokens)
        return True

    def decide_locally(self, generations: Sequence[Generation], local: Local) -> None:
        """Decides by the bundle."""
        self._counters.checks += len(generations)
        undecided = local.decide(generations)
        self._counters.stops += sum(one.stopped for one in generations)
        self.skipped(undecided)

    def body_of(self, generations: Sequence[Generation]) -> bytes | None:
        """The body of the call that asks about generations; None: they go on, since the service does not answer."""
        self._counters.checks += len(generations)
        if self._breaker.is_open:
            self.skipped(generations)
            return None
        self._counters.calls += 1
        return columns_of(generations)

    def take(self, generations: Sequence[Generation], reply: Reply) -> None:
        """Takes the decisions of a reply.

        Raises:
            CallFailed: there are none in the reply.
        """
        body = reply.json()
        try:
            undecided = take(body, generations, self._cadences)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise CallFailed(f"the reply has no decisions: {error!r}") from error
        self._breaker.succeeded()
        self._counters.stops += sum(one.stopped for one in generations)
        self.skipped(undecided)

    @contextmanager
    def going_on(self, generations: Sequence[Generation]) -> Iterator[None]:
        """Lets generations go on where the call about them fails."""
        try:
            yield
        except CallFailed as error:
            self._counters.failures += 1
            self._breaker.failed()
            warn(f"check {error.status}", f"generations go on without a decision: {error}")
            self.skipped(generations)

    def skipped(self, generations: Sequence[Generation]) -> None:
        """Lets generations go on without asking."""
        self._counters.undecided += len(generations)
        for one in generations:
            self._go_on(one)

    def _go_on(self, one: Generation) -> None:
        """No decision: continue, and probe where a control generation would need the answer as evidence."""
        step = one.steps[-1]
        is_news = step.confidence is not None and step.confidence > (one.probed_score or 0.0)
        next_check = self.cadence_of(one).next_check(step.tokens)
        one.checked(stop=False, probe=one.arm == "control" and is_news, next_check=next_check)
