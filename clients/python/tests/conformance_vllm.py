"""A worker for `stopgate conformance`: vLLM's plug-in, in front of an engine that is a fake."""

import asyncio
import os
from typing import Any

from fake_vllm import FakeEngine, Letters
from stopgate import AsyncClient
from stopgate.reasoning import ReasoningFormat
from vllm_server import IN_ONE, STREAMED, requesting, said, serving, wanting

GENERATIONS = 16
TOKEN_SECONDS, PAUSE_TOKENS = 0.0003, 32


class PacedEngine(FakeEngine):
    """Its reasoning is long, and takes time, so that an outage ends before the last generation does."""

    reasoning = "a reasoning that goes on and on, " * 12
    answer = " 42"

    async def _tokens(self, *args: Any) -> Any:
        count = 0
        async for token in super()._tokens(*args):
            if (count := count + 1) % PAUSE_TOKENS == 0:  # a pause for each token would take the least time of a timer
                await asyncio.sleep(TOKEN_SECONDS * PAUSE_TOKENS)
            yield token


async def play() -> None:
    engine = PacedEngine(confidence=lambda tokens: 0.9)
    async with AsyncClient(local=True, timeout=2, exit_seconds=60) as client:
        await asyncio.to_thread(client.wait_ready, 30)
        server = serving(engine, client, reasoning=ReasoningFormat(probe="plain"))
        for number in range(GENERATIONS):
            name = f"{os.getpid()}-{number}"
            prompt = {"type": "token", "prompt_token_ids": Letters().encode(f"prompt {name}<think>")}
            kind = STREAMED if number % 2 else IN_ONE
            with requesting("conformance", gold="42"):
                [one] = await said(server(prompt, wanting(kind, max_tokens=800), name))
            assert "42" in one["text"]
        await server.settle()


asyncio.run(play())
