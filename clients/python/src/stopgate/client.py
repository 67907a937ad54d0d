"""The client for threads and loops, and the base that it shares with the client for event loops."""

import ssl
from collections.abc import Callable, Iterable
from types import TracebackType

from ._bundle import Bundle
from ._decisions import BATCH_PATH, MAX_STEPS
from ._http import Endpoint
from ._probe_forms import ProbeForms
from ._process import watch_forks
from ._session import Session
from ._telemetry import Counters
from .errors import ClientGone
from .generation import Context, Generation, Grade, Probe, Prompt


class BaseClient:
    """The options and methods that `Client` and `AsyncClient` share.

    Args:
        url: of the service; None: the environment's STOPGATE_URL, or http://localhost:8080 without it.
        token: bearer token; None: the environment's STOPGATE_TOKEN, if it is set.
        local: whether to decide in this process without a call for each step, by a bundle that a thread renews.
        prefix: with `local`, a context key that all generations lie within, such as "model=qwen3-8b"; "*": all.
        timeout: seconds for a call for decisions. Without a reply in time, generations go on. A call usually takes
            about a millisecond; on a busy machine a few take hundreds. In an outage the engine waits for two timeouts
            before calls are skipped.
        queue_size: outcomes and labels that may wait to be sent. Beyond it the oldest are dropped.
        exit_seconds: seconds that the end of the process may take to send queued reports.
        max_staleness: with `local`, seconds without contact with the service after which no generation is stopped.
        on_label_wanted: called in the background with the id of each outcome that a label could still change. Send
            the label with `label()`.
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
        timeout: float = 0.5,
        queue_size: int = 10_000,
        exit_seconds: float = 5.0,
        max_staleness: float = 3600.0,
        on_label_wanted: Callable[[str], None] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._session = Session(
            url=url, token=token, local=local, prefix=prefix, timeout=timeout, queue_size=queue_size,
            exit_seconds=exit_seconds, max_staleness=max_staleness, on_label_wanted=on_label_wanted,
            ssl_context=ssl_context,
        )  # fmt: skip
        if self._session.local is not None:
            self._session.local.wait(0)
        self.after_fork()
        watch_forks(self)

    def after_fork(self) -> None:
        """Makes the state that a forked process must not share. Also called when the client is made."""

    def generation(
        self,
        context: Context,
        id: str | None = None,
        *,
        group: str | None = None,
        sample: int | None = None,
        samples: int | None = None,
        grade: Grade | None = None,
        retry_of: str | None = None,
        prompt: Prompt | None = None,
    ) -> Generation:
        """Begins a generation. Nothing is sent before its first check.

        Args:
            context: a value for each level, such as {"model": "qwen3-8b", "task": "gsm8k"}.
            id: unique; None: a random one. A generation that is restarted needs another id.
            group: id of the prompt, if it has several samples.
            sample: number of this sample in its group, from 0.
            samples: how many samples the group has; 1 without a group: no other generation has this prompt.
            grade: returns whether an answer is right, or a float: its reward, from 0 to 1. It is called when the
                generation ends, in the caller's thread. An answer for which it raises, or returns None, has no label.
            retry_of: id of the generation that this one repeats, after a crash for instance. It never asks, is never
                stopped, and counts nowhere: the repeated one counts as missing.
            prompt: its text or token ids. Where neither `group` nor `samples` is known, a hash of it is sent:
                generations of one prompt within half an hour share an arm, and the first of them is evidence. The text
                is sent with the outcome, for graders, only where the policy of the context says `store_prompts`.
                `stopgate.hf` states it by itself.

        Raises:
            TypeError: the context is not a mapping.
        """
        return self._session.generation(context, id, group, sample, samples, grade, retry_of, prompt)

    def label(
        self,
        generation_id: str,
        *,
        em: bool | int | None = None,
        reference: str | list[str] | None = None,
        stopped_probe_em: bool | int | None = None,
    ) -> None:
        """Reports, in the background, the label of an outcome that was reported without one.

        Args:
            em: whether the final answer is right.
            reference: the right answer, or a list of right ones, for the service to grade with.
            stopped_probe_em: whether the answer of the probe that stopped it is right, if it differs from the final
                one; None: the reference grades it.

        Raises:
            ValueError: `em` and `reference` are None.
        """
        if em is None and reference is None:
            raise ValueError("a label needs em or reference")
        label: dict[str, object] = {"reference": reference} if em is None else {"em": int(bool(em))}
        if stopped_probe_em is not None:
            label["stopped_probe_em"] = int(bool(stopped_probe_em))
        self._session.label(generation_id, label)

    def wait_ready(self, timeout: float) -> bool:
        """With `local`, waits up to `timeout` seconds for the first bundle. Returns whether decisions can be made."""
        return self._session.local is None or self._session.local.wait(timeout)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all reports are sent. Returns whether they were, within `timeout` seconds."""
        return self._session.flush(timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Sends queued reports and ends the threads. The end of the process does the same.

        Args:
            timeout: seconds; None: `exit_seconds`. Where nobody answers three attempts in a row, it is over
                at once.

        Returns:
            Whether all was sent.
        """
        return self._session.close(timeout)

    @property
    def forms(self) -> ProbeForms:
        """How answers are forced in each context, for `stopgate.hf`, `stopgate.rollout` and `stopgate.trl`."""
        return self._session.forms

    @property
    def endpoint(self) -> Endpoint:
        """The address of the service, and the token."""
        return self._session.endpoint

    @property
    def url(self) -> str:
        """The address of the service."""
        return self.endpoint.url

    @property
    def bundle(self) -> Bundle | None:
        """With `local`, the rules that decide; None: there are none, or they are too old."""
        return None if self._session.local is None else self._session.local.bundle

    @property
    def counters(self) -> Counters:
        """The counters of this client."""
        return self._session.counters


class Client(BaseClient):
    """Asks a stopgate service whether to stop. Threads may share it. See `BaseClient` for its options."""

    def check(self, generations: Iterable[Generation]) -> list[Generation]:
        """Asks about the generations just observed, in one call, and never raises.

        Returns:
            The generations to stop: close the reasoning and answer.
        """
        asked, session = list(generations), self._session
        if session.local is not None:
            session.decide_locally(asked, session.local)
        else:
            for first in range(0, len(asked), MAX_STEPS):
                self._ask(asked[first : first + MAX_STEPS])
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
        """Runs one generation until it ends or is stopped, and reports it.

        Args:
            generation: a new one.
            generate: generates up to the given number of tokens in total. Returns the tokens so far and whether it has
                ended.
            probe: forces an answer as if the reasoning were closed, without a trace in the generation.
            answer: closes the reasoning and writes the final answer; None: the answer of a probe at the end is final.
            reference: the right answer, or a list of right ones, for the service to grade with.

        Returns:
            The final answer.

        Raises:
            Exception: any exception of `generate`, `probe` and `answer`. After ClientGone the generation is reported
                as cancelled; after any other exception it is not reported.
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
                    generations, session.deciding.call("POST", BATCH_PATH, body, timeout=session.timeout)
                )
