"""A fake of vLLM's AsyncLLM for machines without vLLM. It generates the tokens of a script."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from math import log
from types import ModuleType, SimpleNamespace
from typing import Any

from conftest import auntil

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
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    ignore_eos: bool = False
    skip_reading_prefix_cache: "bool | None" = None
    max_tokens: "int | None" = 16
    min_tokens: int = 0
    logprobs: "int | None" = None
    prompt_logprobs: "int | None" = None
    logprob_token_ids: "list[int] | None" = None
    flat_logprobs: bool = False
    detokenize: bool = True
    skip_special_tokens: bool = True
    stop: "list[str]" = field(default_factory=list)
    stop_token_ids: "list[int] | None" = None
    structured_outputs: Any = None
    extra_args: "dict[str, Any] | None" = None
    logit_bias: "dict[int, float] | None" = None
    allowed_token_ids: "list[int] | None" = None
    bad_words: "list[str]" = field(default_factory=list)
    thinking_token_budget: "int | None" = None
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
    import_module("stopgate.vllm_plugin.serving")
    for name in stubs:
        del sys.modules[name]  # TRL would mistake it for vLLM


class Letters:
    """Each character is a token, and so is </think>."""

    eos_token_id = END

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
    is_over: bool = False
    options: "dict[str, Any]" = field(default_factory=dict)
    said: "list[int]" = field(default_factory=list)
    """Tokens that it has put out."""


def _logprob(value: float) -> SimpleNamespace:
    return SimpleNamespace(logprob=value, rank=1, decoded_token=None)


class FakeEngine:
    """An engine that generates the same reasoning and the same answer for every prompt.

    Args:
        confidence: of a forced answer, by the tokens of the reasoning before it.
        hold: whether a request waits here, by its id and how many tokens it has.
        fail: whether a request is refused, by its id.
        size: most tokens of the next output of a request.
        turns: turns of the event loop that the next token of a request takes, by its id.
        device: kind of device.
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
        device: str = "cuda",
    ) -> None:
        self._confidence, self._hold, self._fail, self._size, self._turns = confidence, hold, fail, size, turns
        self.requests: dict[str, Request] = {}
        self.running = self.most_running = 0
        self.vllm_config = SimpleNamespace(
            scheduler_config=SimpleNamespace(max_num_seqs=8),
            device_config=SimpleNamespace(device_type=device),
            speculative_config=None,
        )
        self._cache: set[tuple[int, ...]] = set()

    async def generate(
        self, prompt: "dict[str, Any]", sampling_params: Any, request_id: str, **options: Any
    ) -> AsyncGenerator[Any, None]:
        count = sampling_params.n
        samples = [self._sample(prompt, sampling_params, request_id, i, options) for i in range(count)]
        if sampling_params.output_kind.name == "DELTA":
            for sample in samples:
                async with aclosing(sample):
                    async for output in sample:
                        output.finished &= sample is samples[-1]
                        yield output
            return
        assert sampling_params.output_kind.name == "FINAL_ONLY"
        last: Any = None
        wholes = []
        for sample in samples:
            pieces = [output async for output in sample]
            last, one = pieces[-1], pieces[-1].outputs[0]
            one.text = "".join(piece.outputs[0].text for piece in pieces)
            one.token_ids = [token for piece in pieces for token in piece.outputs[0].token_ids]
            if one.logprobs is not None:
                one.logprobs = [place for piece in pieces for place in piece.outputs[0].logprobs]
            wholes.append(one)
        last.outputs = wholes
        yield last

    async def _sample(
        self, prompt: "dict[str, Any]", params: Any, request_id: str, index: int, options: "dict[str, Any]"
    ) -> AsyncGenerator[Any, None]:
        """The deltas of one sample."""
        id = request_id if params.n == 1 else f"{index}_{request_id}"
        assert id not in self.requests
        ids = prompt["prompt_token_ids"]
        request = self.requests[id] = Request(ids, params, options=options)
        if self._fail(id):
            raise RuntimeError("the engine is dead")
        cached = max((n for n in range(0, len(ids), BLOCK) if tuple(ids[:n]) in self._cache), default=0)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        tokens: list[int] = []
        places: list[dict[int, Any]] = []
        size, total = self._size(), 0.0
        seed = None if params.seed is None else params.seed + index
        try:
            async for token, logprob, reason in self._tokens(request, id, seed):
                tokens.append(token)
                total += logprob
                places.append({token: _logprob(logprob), 0: _logprob(-9.0)})
                stopped, reason = self._stopped(params, request.said + tokens, reason)
                if len(tokens) < size and reason is None:
                    continue
                request.said += tokens
                known = [*ids, *request.said]
                self._cache.update(tuple(known[:n]) for n in range(0, len(known) + 1, BLOCK))
                text = Letters().decode(tokens, skip_special_tokens=params.skip_special_tokens)
                said = SimpleNamespace(
                    index=index, text=text.partition(stopped)[0] if isinstance(stopped, str) else text,
                    token_ids=tokens, logprobs=None if params.logprobs is None else places, finish_reason=reason,
                    cumulative_logprob=total, stop_reason=stopped,
                )  # fmt: skip
                tokens, places, size = [], [], self._size()
                yield SimpleNamespace(
                    request_id=request_id, prompt=None, prompt_token_ids=ids, outputs=[said],
                    finished=reason is not None, num_cached_tokens=cached,
                )  # fmt: skip
                if stopped is not None:
                    return
        except (asyncio.CancelledError, GeneratorExit):
            request.is_aborted = True
            raise
        finally:
            self.running, request.is_over = self.running - 1, True

    @staticmethod
    def _stopped(params: Any, tokens: "list[int]", reason: "str | None") -> "tuple[str | int | None, str | None]":
        """The stop string, of one letter, or the token that ends a request, and the reason of its end."""
        last = Letters().decode(tokens[-1:])
        stopped = tokens[-1] if tokens[-1] in (params.stop_token_ids or ()) else last if last in params.stop else None
        return stopped, reason if stopped is None else "stop"

    async def _tokens(
        self, request: Request, id: str, seed: "int | None"
    ) -> "AsyncIterator[tuple[int, float, str | None]]":
        ids, most = request.prompt, request.params.max_tokens or 10_000
        answer = [*map(ord, self.answer if seed is None or END_THINK in ids else f"{self.answer} {seed}"), END]
        is_forced = END_THINK in ids
        script = answer if is_forced else [*map(ord, self.reasoning), END_THINK, *answer]
        said = len(ids) - ids.index(ord(">")) - 1
        if not is_forced:
            script = script[said:]  # it goes on with a reasoning
        reasoning = ids.index(END_THINK) - ids.index(ord(">")) - 1 if is_forced else 0
        logprob = log(self._confidence(reasoning)) if is_forced else -0.25
        for place, token in enumerate(script[:most]):
            for _ in range(self._turns(id)):
                await asyncio.sleep(0)
            await auntil(lambda place=place: not self._hold(id, place))  # type: ignore[misc]
            is_last = place == min(most, len(script)) - 1
            yield token, logprob, ("stop" if token == END else "length") if is_last else None
