"""Requests to vLLM's engine beside those of users."""

from collections.abc import AsyncGenerator, Callable, Mapping
from copy import copy
from typing import Any, NamedTuple

from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind


class Piece(NamedTuple):
    """The output that a step of the engine adds to a request."""

    said: list[tuple[int, Mapping[int, Any]]]
    """Tokens, each with the log-probabilities at its place by token id."""
    finish_reason: str | None
    """None: it goes on."""
    cached_tokens: int
    """Tokens of the prompt found in the prefix cache."""
    tokens: list[int]
    ends_with_text: bool  # a stop string ended it, and is in its last tokens


def must_keep_seeds(config: Any) -> bool:
    """Whether greedy requests would spoil others: a CPU ignores all seeds of a batch in which a request has none.

    With speculative decoding on a CPU, vLLM 0.28 crashes on any request with `top_k`, which forced answers would
    otherwise use to keep the seeds.
    """
    return config.device_config.device_type == "cpu" and config.speculative_config is None


class Engine:
    """Asks an `AsyncLLM`.

    Args:
        generate: the method `generate` of an `AsyncLLM`.
        options: passed with each of its requests, such as `lora_request` and `priority`.
        prompt: further fields of each prompt, such as `cache_salt`.
        keeps_seeds: whether each request has a seed of its own, and greedy answers are sampled from the most probable
            token alone: see `must_keep_seeds`.
    """

    def __init__(
        self,
        generate: Callable[..., AsyncGenerator[Any, None]],
        options: Mapping[str, Any],
        prompt: Mapping[str, Any] | None = None,
        keeps_seeds: bool = False,
    ) -> None:
        self._generate, self._options, self._prompt = generate, options, prompt or {}
        self.keeps_seeds = keeps_seeds

    async def pieces(self, prompt: list[int], params: SamplingParams, request_id: str) -> AsyncGenerator[Piece, None]:
        """Generates. Closing this generator aborts the request."""
        params = copy(params)
        params.output_kind = RequestOutputKind.DELTA
        stream = self._generate({**self._prompt, "prompt_token_ids": prompt}, params, request_id, **self._options)
        try:
            async for output in stream:
                new = output.outputs[0]
                said = list(zip(new.token_ids, new.logprobs or [], strict=False))
                cached, is_text = output.num_cached_tokens or 0, isinstance(new.stop_reason, str)
                yield Piece(said, new.finish_reason, cached, list(new.token_ids), is_text)
        finally:
            await stream.aclose()
