"""The client for threads and loops."""

from collections.abc import Callable, Iterable
from types import TracebackType

from ._decisions import COLUMNS_PATH, MAX_ROWS
from .base_client import BaseClient
from .errors import ClientGone
from .generation import Generation, Probe


class Client(BaseClient):
    """Asks a stopgate service whether to stop. Threads may share it. See `BaseClient` for its options."""

    def check(self, generations: Iterable[Generation]) -> list[Generation]:
        """Asks about the generations just observed, in one call, and never raises.

        Returns:
            The generations to stop: close the thought and answer.
        """
        asked, session = list(generations), self._session
        if session.local is not None:
            session.decide_locally(asked, session.local)
        else:
            for first in range(0, len(asked), MAX_ROWS):
                self._ask(asked[first : first + MAX_ROWS])
        return [one for one in asked if one.stopped]

    def run(
        self,
        generation: Generation,
        generate: Callable[[int], tuple[int, bool]],
        probe: Callable[[], Probe],
        *,
        answer: Callable[[], str] | None = None,
        reference: str | list[str] | None = None,
    ) -> str:
        """Runs one generation to its end, which may come early, and reports it.

        Args:
            generation: a new one.
            generate: generates up to so many tokens in all, and returns the tokens so far and whether it has ended.
            probe: closes the thought aside and forces an answer, without a trace in the generation.
            answer: writes the final answer, the thought being closed; None: the answer of a probe is the answer.
            reference: the right answer, or a list of right ones, for the service to grade with.

        Returns:
            The final answer.

        Raises:
            Exception: what `generate`, `probe` and `answer` raise. After ClientGone the generation is reported as
                cancelled, after anything else it is not reported.
        """
        tokens, forced = 0, None
        try:
            tokens, has_ended = generate(generation.next_check)
            while not has_ended:
                if generation.due(tokens):
                    forced = probe()
                    if self.check([generation.observe(tokens, forced)]):
                        break
                tokens, has_ended = generate(generation.next_check)
            if answer is not None:
                text = answer()
            else:
                text = (forced if forced is not None and generation.stopped else probe()).answer or ""
        except ClientGone:
            generation.cancel(tokens)
            raise
        return generation.finish(text, tokens=tokens, reference=reference)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ask(self, generations: list[Generation]) -> None:
        session = self._session
        body = session.decisions.body_of(generations)
        if body is not None:
            with session.decisions.continuing_on_failure(generations):
                session.decisions.take(
                    generations, session.deciding.call("POST", COLUMNS_PATH, body, timeout=session.timeout)
                )
