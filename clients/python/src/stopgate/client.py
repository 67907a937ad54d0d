"""The client for threads and loops."""

import ssl
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TypeVar

from ._columns import MAX_ROWS, columns_of
from ._core import COLUMNS, Core
from ._counters import Counters
from .errors import CallFailed, ClientGone
from .generation import Context, Generation, Grade, Probe

ClientT = TypeVar("ClientT", bound="BaseClient")


class BaseClient:
    """What `Client` and `AsyncClient` have in common.

    Args:
        url: of the service; None: the environment's STOPGATE_URL, else http://localhost:8080.
        token: bearer token; None: the environment's STOPGATE_TOKEN, else none.
        local: whether to decide in this process, by a bundle that is renewed in the background, without a call a step.
        prefix: with `local`, a context key that all generations lie within, such as "model=qwen3-8b"; "*": all.
        timeout: seconds for a call for decisions. A step without a reply in time goes on.
        queue_size: outcomes and labels that may wait to be sent. Beyond it the oldest are dropped.
        exit_seconds: seconds that the end of the process may take to send what waits.
        max_staleness: with `local`, seconds without contact after which nothing is stopped any more.
        on_label_wanted: called in the background with the id of each outcome whose label could still change what it
            counts as. Send the label with `label()`.
        ssl_context: for https; None: the system's certificates.

    Raises:
        ValueError: the URL is not http or https.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        local: bool = False,
        prefix: str = "*",
        timeout: float = 0.05,
        queue_size: int = 10_000,
        exit_seconds: float = 5.0,
        max_staleness: float = 3600.0,
        on_label_wanted: Callable[[str], None] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._core = Core(
            url=url, token=token, local=local, prefix=prefix, timeout=timeout, queue_size=queue_size,
            exit_seconds=exit_seconds, max_staleness=max_staleness, on_label_wanted=on_label_wanted,
            ssl_context=ssl_context,
        )  # fmt: skip
        if self._core.local is not None:
            self._core.local.wait(0)

    def generation(
        self,
        context: Context,
        id: str | None = None,
        *,
        group: str | None = None,
        sample: int | None = None,
        samples: int | None = None,
        grade: Grade | None = None,
    ) -> Generation:
        """Begins a generation. Nothing is sent before its first check.

        Args:
            context: where it belongs, a value for each level, such as {"model": "qwen3-8b", "task": "gsm8k"}.
            id: used by no other generation; None: a random one. One that is started over is another generation.
            group: id of the prompt, where it has several samples.
            sample: number of this sample in its group, from 0.
            samples: how many samples the group has.
            grade: says whether an answer is right. It is called when the generation ends, in the caller's thread.
        """
        return self._core.generation(context, id, group, sample, samples, grade)

    def label(
        self, generation_id: str, *, em: bool | int | None = None, reference: str | list[str] | None = None
    ) -> None:
        """Reports, in the background, the label of an outcome that came without one.

        Args:
            em: whether the final answer is right.
            reference: the right answer, or a list of right ones, that the service grades with.

        Raises:
            ValueError: neither is given.
        """
        if em is None and reference is None:
            raise ValueError("a label needs em or reference")
        self._core.label(generation_id, {"reference": reference} if em is None else {"em": int(bool(em))})

    def wait_ready(self, timeout: float) -> bool:
        """With `local`, waits up to `timeout` seconds for the first bundle. Returns whether decisions can be made."""
        return self._core.local is None or self._core.local.wait(timeout)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all reports are sent. Returns whether they were, within `timeout` seconds."""
        return self._core.flush(timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Sends what waits and ends the threads; the end of the process does the same.

        Args:
            timeout: seconds; None: `exit_seconds`.

        Returns:
            Whether all was sent.
        """
        return self._core.close(timeout)

    @property
    def counters(self) -> Counters:
        """What this client has done."""
        return self._core.counters


class Client(BaseClient):
    """Asks a stopgate service whether to stop. Threads may share it. See `BaseClient` for its options."""

    def check(self, generations: Iterable[Generation]) -> list[Generation]:
        """Asks about the generations just observed, in one call, and never raises.

        Returns:
            The generations to stop: close the thought and answer.
        """
        asked, core = list(generations), self._core
        if core.local is not None:
            core.decide_locally(asked, core.local)
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

    def __enter__(self: ClientT) -> ClientT:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ask(self, generations: list[Generation]) -> None:
        core = self._core
        core.counters.checks += len(generations)
        if core.breaker.is_open:
            core.skipped(generations)
            return
        core.counters.calls += 1
        try:
            reply = core.deciding.call("POST", COLUMNS, columns_of(generations), timeout=core.timeout)
            core.replied(generations, reply)
        except CallFailed as error:
            core.failed(generations, error)
        else:
            core.breaker.succeeded()
