"""Which statements of clients are believed.

Anyone can send a request, and a label decides what is certified for all.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from .exchange import Stated

_PATTERN = re.compile(r"([A-Za-z][\w.-]{0,31})=([^,=]+)", re.ASCII)


class ClientTrust:
    """Whether the labels, groups and contexts that clients state are believed.

    Args:
        is_trusted: whether all of it is.
        contexts: those that any client may name, such as `task=gsm8k,task=math-*`; `*` stands for any text.

    Raises:
        ValueError: a context has another form.
    """

    def __init__(self, is_trusted: bool = False, contexts: str = "") -> None:
        self.is_trusted = is_trusted
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        for part in contexts.split(",") if contexts.strip() else ():
            found = _PATTERN.fullmatch(part.strip())
            if found is None:
                raise ValueError(f"STOPGATE_CONTEXTS must be like task=gsm8k,task=math-*, not {contexts!r}")
            texts = (re.escape(unquote(text)) for text in found[2].split("*"))
            self._patterns.append((found[1], re.compile(".*".join(texts), re.DOTALL)))

    def named(self, context: Mapping[str, str]) -> dict[str, str]:
        """The levels of a context that a client may name so."""
        return {level: value for level, value in context.items() if self._may_name(level, value)}

    def _may_name(self, level: str, value: str) -> bool:
        found = (text.fullmatch(value) is not None for name, text in self._patterns if name == level)
        return self.is_trusted or any(found)

    def believed(self, stated: Stated) -> tuple[Stated, list[str]]:
        """The statements that are believed, and the names of the others."""
        if self.is_trusted:
            return stated, []
        context = self.named(stated.context)
        doubted = [name for name in ("gold", "group", "samples") if getattr(stated, name) is not None]
        levels = [f"context: {level}" for level in stated.context if level not in context]
        return Stated(is_off=stated.is_off, context=context), doubted + levels
