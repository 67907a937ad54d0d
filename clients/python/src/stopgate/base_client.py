"""What the clients for threads and for event loops have in common."""

import ssl
from collections.abc import Callable

from ._process import watch_forks
from ._session import Session
from ._telemetry import Counters
from .generation import Context, Generation, Grade


class BaseClient:
    """What `Client` and `AsyncClient` have in common.

    Args:
        url: of the service; None: the environment's STOPGATE_URL, else http://localhost:8080.
        token: bearer token; None: the environment's STOPGATE_TOKEN, else none.
        local: whether to decide in this process, by a bundle that is renewed in the background, without a call a step.
        prefix: with `local`, a context key that all generations lie within, such as "model=qwen3-8b"; "*": all.
        timeout: seconds for a call for decisions. A step without a reply in time goes on. More than the 50 ms of the
            default rarely pays: an overloaded service lets a call wait for longer, and meanwhile the engine stands.
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
        """Runs in a forked process, and when the client is made."""

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
            grade: says whether an answer is right. It is called when the generation ends, in the caller's thread. An
                answer for which it raises, or returns None, has no label.

        Raises:
            TypeError: the context is no mapping.
        """
        return self._session.generation(context, id, group, sample, samples, grade)

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
        self._session.label(generation_id, {"reference": reference} if em is None else {"em": int(bool(em))})

    def wait_ready(self, timeout: float) -> bool:
        """With `local`, waits up to `timeout` seconds for the first bundle. Returns whether decisions can be made."""
        return self._session.local is None or self._session.local.wait(timeout)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all reports are sent. Returns whether they were, within `timeout` seconds."""
        return self._session.flush(timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Sends what waits and ends the threads; the end of the process does the same.

        Args:
            timeout: seconds; None: `exit_seconds`.

        Returns:
            Whether all was sent.
        """
        return self._session.close(timeout)

    @property
    def counters(self) -> Counters:
        """What this client has done."""
        return self._session.counters
