"""When a generation asks."""

import math
from typing import NamedTuple


class Cadence(NamedTuple):
    """The rule by which a context is asked about: tokens, and the part of them by which the distance grows."""

    check_every_tokens: int = 32
    min_tokens: int = 0
    check_growth: float = 0.0

    def next_check(self, tokens: int) -> int:
        """When to ask next, in tokens.

        It is the next multiple of `check_every_tokens` above `tokens`, at least `check_growth` times the tokens later,
        and not below `min_tokens`.
        """
        every = self.check_every_tokens
        # A product such as 320 * 1.1 must not be rounded up past the multiple that it is.
        grown = math.ceil(tokens * (1 + self.check_growth) / every - 1e-9) * every
        return max((tokens // every + 1) * every, grown, -(-self.min_tokens // every) * every)
