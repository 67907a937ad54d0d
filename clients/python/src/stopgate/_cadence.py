"""When a generation asks."""

from typing import NamedTuple


class Cadence(NamedTuple):
    """The rule by which a context is asked about, both numbers in tokens."""

    check_every_tokens: int = 32
    min_tokens: int = 0

    def next_check(self, tokens: int) -> int:
        """The next multiple of `check_every_tokens` above `tokens`, and not below `min_tokens`."""
        every = self.check_every_tokens
        return max((tokens // every + 1) * every, -(-self.min_tokens // every) * every)
