"""What all requests to the server share."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any

from ..aio import AsyncClient
from ..reasoning import ReasoningFormat
from .counts import Counts
from .golds import Golds
from .replies import Calls, Shown
from .seats import Seats
from .trust import ClientTrust

Generate = Callable[..., AsyncGenerator[Any, None]]
MAX_CONTEXTS = 10_000
"""Contexts, which clients choose, of which something is kept; those that were seen first are forgotten first."""
_BEHIND_OPEN = 4
"""How far before the end of the prompt an opening tag is looked for: templates write a line feed behind it."""


class Shared:
    """The engine, the client, and properties of the model.

    Args:
        generate: the engine's own method.
        client: decides by the bundle, and reports.
        tokenizer: of the model.
        reasoning: its closing tag.
        opening: its opening tag.
        model: name of the model, where a request names no adapter.
        calls: reads tool calls.
        counts: where to count.
        has_parser: whether the engine knows the reasoning, so that a grammar holds only behind it.
        max_model_len: most tokens of prompt and output.
        seats: admits requests and probes to the engine.
        has_priorities: whether its scheduler has them.
        keeps_seeds: see `Engine`.
        golds: the operator's right answers by prompt, which precede those of clients.
        ends: tokens that end a sequence, besides the tokenizer's own.
        trust: what clients are believed; None: nothing.
    """

    def __init__(
        self, generate: Generate, client: AsyncClient, tokenizer: Any, *, reasoning: ReasoningFormat, opening: str,
        model: str, calls: Calls, counts: Counts, has_parser: bool, max_model_len: int, seats: Seats,
        has_priorities: bool = False, keeps_seeds: bool = False,
        make_tool: "Callable[[dict[str, Any]], Any] | None" = None, golds: Golds | None = None,
        ends: Collection[int] = (), trust: ClientTrust | None = None,
    ) -> None:  # fmt: skip
        self.generate, self.client, self.tokenizer = generate, client, tokenizer
        self.reasoning, self.open_text, self.model = reasoning, opening, model
        self.calls, self.counts, self.has_parser = calls, counts, has_parser
        self.max_model_len, self.has_priorities, self.keeps_seeds = max_model_len, has_priorities, keeps_seeds
        self.seats = seats
        self.golds = golds
        self.trust = trust or ClientTrust()
        self.make_tool = make_tool or (lambda tool: tool)
        self.is_draining = False
        """Whether the engine shuts down. It then refuses new requests, such as probes and answers."""
        self.around: dict[str, tuple[str, str]] = {}
        """Text around the closing tag, by context, as the first reply with tools or structured output showed it."""
        eos = getattr(tokenizer, "eos_token_id", None)
        self.shown = Shown(tokenizer, [*ends, *(() if eos is None else (eos,))])
        self._open: list[int] = tokenizer.encode(opening, add_special_tokens=False)
        self._close: list[int] = tokenizer.encode(reasoning.end, add_special_tokens=False)
        self.opening_window = len(self._open) + _BEHIND_OPEN
        self._tasks: set[asyncio.Task[None]] = set()

    def is_open(self, tokens: Sequence[int]) -> bool:
        """Whether an opening tag is in the tokens, and no closing tag behind it."""
        return _last(tokens, self._open) > _last(tokens, self._close)

    def learn_around(self, context_key: str, before: str, after: str) -> None:
        """Notes the text around the closing tag in a reply with tools or structured output."""
        if context_key in self.around:
            return
        while len(self.around) >= MAX_CONTEXTS:
            del self.around[next(iter(self.around))]
        self.around[context_key] = before, after

    def order_of(self, options: Mapping[str, Any]) -> int:
        """The place of a request among those that wait: its priority, if the engine has them."""
        return int(options.get("priority") or 0) if self.has_priorities else 0

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work that no request waits for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Waits for the work in the background."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)


def _last(tokens: Sequence[int], tag: Sequence[int]) -> int:
    size = len(tag)
    return next((at for at in range(len(tokens) - size, -1, -1) if [*tokens[at : at + size]] == [*tag]), -1)
