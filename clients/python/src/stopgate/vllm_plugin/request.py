"""A request whose samples are followed."""

from collections.abc import Sequence
from typing import Any

from .exchange import Exchange
from .replies import Action, Shown
from .shared import Shared


class Request:
    """A request, as far as it matters to each of its samples."""

    plugin: Shared
    params: Any
    exchange: Exchange | None
    action: Action | None
    """How its answers are read, if it declares tools or structured output."""
    prompt_ids: list[int]
    prompt_fields: dict[str, Any]
    probe_options: dict[str, Any]
    tokenizer: Any
    shown: Shown
    is_whole: bool
    """Whether it is not streamed."""

    @property
    def reference(self) -> str | None:
        """The right answer, if it is known and of this prompt alone."""
        raise NotImplementedError

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens as the engine gives it to the client."""
        raise NotImplementedError
