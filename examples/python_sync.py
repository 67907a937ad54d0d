# python3 examples/python_sync.py
#
# Needs `pip install ./clients/python`. Plays 20 generations of a stand-in: replace Model by your own.
import random

from stopgate import Client, Probe


class Model:
    """A stand-in, which knows its answer after a third of its reasoning."""

    def __init__(self) -> None:
        self.tokens, self.length = 0, random.randrange(96, 960)

    def generate(self, limit: int) -> tuple[int, bool]:
        """Generates up to `limit` tokens in all. Returns the tokens so far, and whether it has ended."""
        self.tokens = min(limit, self.length)
        return self.tokens, self.tokens == self.length

    def probe(self) -> Probe:
        """Forces an answer on the side, as if the reasoning were closed here."""
        knows = self.tokens >= self.length / 3
        return Probe("42" if knows else "unsure", confidence=0.99 if knows else 0.3, tokens=2)


with Client() as client:
    for number in range(20):
        model = Model()
        one = client.generation(
            {"model": "stand-in", "task": "python"}, prompt=f"prompt {number}", grade=lambda answer: answer == "42"
        )
        client.run(one, model.generate, model.probe)
    client.flush()
    print(client.counters)
