"""The judge: a language model that compares two answers without knowing which of them is the final one."""

import random
import re
import threading
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from .._http import Connections, Endpoint
from .items import GradingFailed, Item, NotGradable, Verdict, label_of_verdicts, post

Side = Literal["left", "right", "tie"]

INSTRUCTIONS = """You compare two answers to the same task. Judge only which one is better: more correct, and more \
useful for the one who asked. Length, style and the order in which they are shown do not matter. If both are equally \
good, or equally wrong, say tie.

Task:
{prompt}

Left answer:
{left}

Right answer:
{right}

Reply with one word: left, right or tie."""


class Comparison(NamedTuple):
    """What a judge said in both orders; None: its reply named no side."""

    final_left: Side | None
    final_right: Side | None

    @property
    def verdict(self) -> Verdict | None:
        """None, which counts as lost: the two orders disagree, or a reply names no side.

        Otherwise a judge that always says left would certify everything.
        """
        by_order = ({"left": "lost", "right": "gained"}, {"right": "lost", "left": "gained"})
        first, second = (
            None if side is None else names.get(side, "tie")
            for side, names in zip((self.final_left, self.final_right), by_order, strict=True)
        )
        return first if first == second else None  # type: ignore[return-value]


class Judge:
    """Compares answers by a model behind an OpenAI-compatible API, pairwise and blind.

    Each pair is shown in both orders, the first of which is drawn at random.

    Args:
        url: base URL of the API, such as http://localhost:8000/v1.
        model: name of the model.
        token: API key; None: none.
        timeout: seconds for one reply.
        max_tokens: limit of a reply. A judge that reasons needs thousands.
        sees_prompt: whether an item without its prompt cannot be graded.
    """

    def __init__(
        self, url: str, model: str, token: str | None = None, *, timeout: float = 120, max_tokens: int = 2048,
        sees_prompt: bool = True,
    ) -> None:  # fmt: skip
        self.source = f"judge:{model}".encode()[:128].decode("utf-8", "ignore")
        self._connections = Connections(Endpoint(url, token))
        self._model, self._timeout, self._max_tokens, self._sees_prompt = model, timeout, max_tokens, sees_prompt
        self._lock = threading.Lock()
        self.tokens = 0
        """Tokens of all requests and replies, as far as the API counts them."""

    def label(self, item: Item) -> dict[str, Any]:
        """See `Grader`."""
        return label_of_verdicts(item, [self.compare(item, early.answer).verdict for early in item.early])

    def compare(self, item: Item, early: str) -> Comparison:
        """Asks in both orders.

        Raises:
            GradingFailed, NotGradable: see `Grader`.
        """
        if not item.prompt and self._sees_prompt:
            raise NotGradable("a judge needs the prompt: set the policy's store_prompts, or give --texts")
        prompt = item.prompt or "(not known)"
        asks = {True: (item.answer, early), False: (early, item.answer)}
        said: dict[bool, Side | None] = {
            order: self._ask(prompt, *asks[order]) for order in random.sample([True, False], 2)
        }
        return Comparison(said[True], said[False])

    def _ask(self, prompt: str, left: str, right: str) -> Side | None:
        content = INSTRUCTIONS.format(prompt=prompt, left=left, right=right)
        body = {
            "model": self._model, "messages": [{"role": "user", "content": content}], "temperature": 0,
            "max_tokens": self._max_tokens,
        }  # fmt: skip
        reply = post(self._connections, "/chat/completions", body, self._timeout, "the judge")
        try:
            text = reply["choices"][0]["message"].get("content") or ""
            side = side_in(text)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise GradingFailed(f"the judge's reply is no chat completion: {error!r}") from error
        self._count(reply.get("usage"))
        return side

    def _count(self, usage: Any) -> None:
        if isinstance(usage, Mapping) and isinstance(usage.get("total_tokens"), int):
            with self._lock:
                self.tokens += usage["total_tokens"]


_SIDES: Mapping[str, Side] = {"left": "left", "right": "right", "tie": "tie"}


def side_in(text: str) -> Side | None:
    """The last side that a reply names after its reasoning; None: it names none."""
    found = re.findall(r"\b(left|right|tie)\b", text.rpartition("</think>")[2].lower())
    return _SIDES[found[-1]] if found else None
