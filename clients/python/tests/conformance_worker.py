"""A worker for `stopgate conformance`: plays 16 generations with the client that its argument names."""

import asyncio
import sys
import time

from playing import Played, is_right
from stopgate import AsyncClient, Client

CONTEXT = {"model": "q", "task": "conformance"}
GENERATIONS = 16
TOKEN_SECONDS = 0.0003


class Paced(Played):
    """Takes time for its tokens, so that an outage ends before the last generation does."""

    def generate(self, limit: int) -> tuple[int, bool]:
        before = self.tokens
        said = super().generate(limit)
        time.sleep(TOKEN_SECONDS * (self.tokens - before))
        return said

    async def agenerate(self, limit: int) -> tuple[int, bool]:
        before = self.tokens
        said = super().generate(limit)
        await asyncio.sleep(TOKEN_SECONDS * (self.tokens - before))
        return said


def played(number: int) -> Paced:
    return Paced(400 + 10 * number, knows_at=64)


def run(local: bool) -> None:
    with Client(local=local, timeout=2, exit_seconds=60) as client:
        client.wait_ready(30)
        for number in range(GENERATIONS):
            one = client.generation(CONTEXT, samples=1, grade=is_right)
            model = played(number)
            assert client.run(one, model.generate, model.probe) == "right" or one.stopped


async def arun() -> None:
    async with AsyncClient(timeout=2, exit_seconds=60) as client:

        async def play(number: int) -> None:
            one = client.generation(CONTEXT, prompt=f"prompt {number} {time.time_ns()}", grade=is_right)
            model = played(number)
            assert await client.run(one, model.agenerate, model.aprobe) == "right" or one.stopped

        for first in range(0, GENERATIONS, 2):
            await asyncio.gather(play(first), play(first + 1))


if sys.argv[1] == "async":
    asyncio.run(arun())
else:
    run(local=sys.argv[1] == "local")
