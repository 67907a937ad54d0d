"""When a generation asks."""

import math
from typing import NamedTuple


class Cadence(NamedTuple):
    """The rule by which a context is asked about: tokens, and the part of the tokens so far by which the distance grows."""

    check_every_tokens: int = 32
    min_tokens: int = 0
    check_growth: float = 0.0

    def next_check(self, tokens: int) -> int:
        """The next multiple of `check_every_tokens` above `tokens`, `check_growth` times the tokens later, and not below `min_tokens`."""
        every = self.check_every_tokens
        grown = math.ceil(tokens * (1 + self.check_growth) / every - 1e-9) * every
        return max((tokens // every + 1) * every, grown, -(-self.min_tokens // every) * every)
