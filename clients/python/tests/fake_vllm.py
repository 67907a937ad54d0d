"""A fake of vLLM's AsyncLLM for machines without vLLM. It generates the tokens of a script."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from copy import copy
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from math import log
from types import ModuleType, SimpleNamespace
from typing import Any

END_THINK, END = 1, 2
BLOCK = 4


class RequestOutputKind(Enum):
    CUMULATIVE = 0
    DELTA = 1
    FINAL_ONLY = 2


@dataclass
class SamplingParams:
    n: int = 1
    temperature: float = 1.0
    max_tokens: "int | None" = 16
    min_tokens: int = 0
    logprobs: "int | None" = None
    seed: "int | None" = None
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE

    def clone(self) -> "SamplingParams":
        return copy(self)


if find_spec("vllm") is None:
    package, inner = ModuleType("vllm"), ModuleType("vllm.sampling_params")
    package.SamplingParams = SamplingParams  # type: ignore[attr-defined]
    inner.RequestOutputKind = RequestOutputKind  # type: ignore[attr-defined]
    stubs = {"vllm": package, "vllm.sampling_params": inner}
    sys.modules.update(stubs)
    import_module("stopgate.vllm")
    for name in stubs:
        del sys.modules[name]  # TRL would mistake it for vLLM


class Letters:
    """Each character is a token, and so is </think>."""

    def encode(self, text: str, add_special_tokens: bool = True) -> "list[int]":
        before, tag, behind = text.partition("</think>")
        return [*map(ord, before), *([END_THINK, *self.encode(behind)] if tag else [])]

    def decode(self, ids: "list[int]", skip_special_tokens: bool = False) -> str:
        special = {END_THINK: "</think>", END: "</s>"}
        return "".join("" if one in special and skip_special_tokens else special.get(one, chr(one)) for one in ids)


@dataclass
class Request:
    prompt: "list[int]"
    params: Any
    is_aborted: bool = False
    said: "list[int]" = field(default_factory=list)
    """Tokens that it has put out."""


class FakeEngine:
    """An engine that generates the same reasoning and the same answer for every prompt.

    Args:
        confidence: of a forced answer, by the tokens of the reasoning before it.
        hold: whether a request waits here, by its id and how many tokens it has.
        fail: whether a request is refused, by its id.
        size: most tokens of the next output of a request.
        turns: turns of the event loop that the next token of a request takes, by its id.
    """

    reasoning = "a reasoning of more than sixty-four letters, which a check may interrupt at sixteen or later"
    answer = " 42\nand nothing more"

    def __init__(
        self,
        confidence: Callable[[int], float] = lambda tokens: 0.5,
        hold: Callable[[str, int], bool] = lambda id, tokens: False,
        fail: Callable[[str], bool] = lambda id: False,
        size: Callable[[], int] = lambda: 1,
        turns: Callable[[str], int] = lambda id: 1,
    ) -> None:
        self._confidence, self._hold, self._fail, self._size, self._turns = confidence, hold, fail, size, turns
        self.requests: dict[str, Request] = {}
        self.running = self.most_running = 0
        self.vllm_config = SimpleNamespace(scheduler_config=SimpleNamespace(max_num_seqs=8))
        self._cache: set[tuple[int, ...]] = set()

    async def generate(
        self, prompt: "dict[str, list[int]]", sampling_params: Any, request_id: str, **options: Any
    ) -> AsyncIterator[Any]:
        assert sampling_params.output_kind.name == "DELTA" and request_id not in self.requests
        ids = prompt["prompt_token_ids"]
        request = self.requests[request_id] = Request(ids, sampling_params)
        if self._fail(request_id):
            raise RuntimeError("the engine is dead")
        cached = max((n for n in range(0, len(ids), BLOCK) if tuple(ids[:n]) in self._cache), default=0)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        tokens: list[int] = []
        places: list[dict[int, Any]] = []
        size = self._size()
        try:
            async for token, logprob, reason in self._tokens(request, request_id):
                tokens.append(token)
                places.append({token: SimpleNamespace(logprob=logprob), 0: SimpleNamespace(logprob=-9.0)})
                if len(tokens) < size and reason is None:
                    continue
                request.said += tokens
                known = [*ids, *request.said]
                self._cache.update(tuple(known[:n]) for n in range(0, len(known) + 1, BLOCK))
                said = SimpleNamespace(token_ids=tokens, logprobs=places, finish_reason=reason)
                tokens, places, size = [], [], self._size()
                yield SimpleNamespace(outputs=[said], num_cached_tokens=cached)
        except (asyncio.CancelledError, GeneratorExit):
            request.is_aborted = True
            raise
        finally:
            self.running -= 1

    async def _tokens(self, request: Request, id: str) -> "AsyncIterator[tuple[int, float, str | None]]":
        ids, most = request.prompt, request.params.max_tokens or 10_000
        answer = [*map(ord, self.answer), END]
        is_forced = END_THINK in ids
        script = answer if is_forced else [*map(ord, self.reasoning), END_THINK, *answer]
        reasoning = ids.index(END_THINK) - ids.index(ord(">")) - 1 if is_forced else 0
        logprob = log(self._confidence(reasoning)) if is_forced else -0.25
        for place, token in enumerate(script[:most]):
            for _ in range(self._turns(id)):
                await asyncio.sleep(0)
            while self._hold(id, place):
                await asyncio.sleep(0.001)
            is_last = place == min(most, len(script)) - 1
            yield token, logprob, ("stop" if token == END else "length") if is_last else None
