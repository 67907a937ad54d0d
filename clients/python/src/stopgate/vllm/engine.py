"""One request of an engine."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, NamedTuple

from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind


class Piece(NamedTuple):
    """What a step of the engine adds to a request."""

    said: list[tuple[int, Mapping[int, Any]]]
    """Tokens, each with the log-probabilities at its place by token id."""
    finish_reason: str | None
    """None: it goes on."""
    cached_tokens: int
    """Tokens of the prompt that the prefix cache had."""


class Engine:
    """The interface of `AsyncLLM` that is used here.

    Args:
        engine: an `AsyncLLM`.
        options: what each of its requests gets, such as `lora_request` and `priority`.
    """

    def __init__(self, engine: Any, options: Mapping[str, Any]) -> None:
        self._engine, self._options = engine, options

    async def pieces(self, prompt: list[int], params: SamplingParams, request_id: str) -> AsyncGenerator[Piece, None]:
        """Generates. To close this generator is to abort the request."""
        params = params.clone()
        params.output_kind = RequestOutputKind.DELTA
        stream = self._engine.generate({"prompt_token_ids": prompt}, params, request_id, **self._options)
        try:
            async for output in stream:
                new = output.outputs[0]
                said = list(zip(new.token_ids, new.logprobs or (), strict=False))
                yield Piece(said, new.finish_reason, output.num_cached_tokens or 0)
        finally:
            await stream.aclose()
