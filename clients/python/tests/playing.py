"""Simulated generations."""

from dataclasses import dataclass, field

from stopgate import Generation, Probe


@dataclass
class Played:
    """A model that reasons for `length` tokens and knows its answer from `knows_at` tokens on."""

    length: int
    knows_at: int = 0
    sure: float = 0.999
    unsure: float = 0.01
    right: str = "right"
    tokens: int = 0
    probes: int = 0
    asked: list[int] = field(default_factory=list)

    def generate(self, limit: int) -> tuple[int, bool]:
        self.asked.append(limit)
        self.tokens = min(limit, self.length)
        return self.tokens, self.tokens >= self.length

    def probe(self) -> Probe:
        self.probes += 1
        knows = self.tokens >= self.knows_at
        return Probe(self.right if knows else "wrong", self.sure if knows else self.unsure, {"entropy": 0.1}, tokens=3)

    async def agenerate(self, limit: int) -> tuple[int, bool]:
        return self.generate(limit)

    async def aprobe(self) -> Probe:
        return self.probe()


def is_right(answer: str) -> bool:
    return answer.startswith("right")


def ended(one: Generation) -> bool:
    """Whether the generation was finished or cancelled."""
    return one._is_over
