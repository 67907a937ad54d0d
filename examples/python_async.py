# python3 examples/python_async.py
#
# Needs `pip install ./clients/python`. Plays 20 generations of a stand-in at the same time: replace Model by your own.
import asyncio
import random

from stopgate import AsyncClient, Probe


class Model:
    """A stand-in, which knows its answer after a third of its reasoning."""

    def __init__(self) -> None:
        self.tokens, self.length = 0, random.randrange(96, 960)

    async def generate(self, limit: int) -> tuple[int, bool]:
        """Generates up to `limit` tokens in all. Returns the tokens so far, and whether it has ended."""
        self.tokens = min(limit, self.length)
        await asyncio.sleep(0.01)
        return self.tokens, self.tokens == self.length

    async def probe(self) -> Probe:
        """Forces an answer on the side, as if the reasoning were closed here."""
        knows = self.tokens >= self.length / 3
        return Probe("42" if knows else "unsure", confidence=0.99 if knows else 0.3, tokens=2)


async def play(client: AsyncClient, prompt: str) -> str:
    model = Model()
    one = client.generation(
        {"model": "stand-in", "task": "asyncio"}, prompt=prompt, grade=lambda answer: answer == "42"
    )
    return await client.run(one, model.generate, model.probe)


async def main() -> None:
    async with AsyncClient() as client:
        await asyncio.gather(*(play(client, f"prompt {number}") for number in range(20)))
    print(client.counters)


asyncio.run(main())
