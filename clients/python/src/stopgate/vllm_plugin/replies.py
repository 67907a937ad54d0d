"""What the answer of a reply is, where a turn declares tools or structured output."""

import json
from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from .._answers import Forcing
from .._calls import Call, canonical_text, lines_of, stated_calls
from .._telemetry import warn

ACTION_TOKENS = 256
"""Largest number of tokens of a forced call or of forced structured output."""


class Shown:
    """A tokenizer that shows special tokens, since some models mark tool calls with them.

    Args:
        tokenizer: of the model.
        ends: tokens that end a sequence, which are not shown.
    """

    def __init__(self, tokenizer: Any, ends: Collection[int] = ()) -> None:
        self._tokenizer, self._ends = tokenizer, frozenset(ends)

    def hiding(self, ends: Collection[int]) -> "Shown":
        """One that hides these tokens, too."""
        return Shown(self._tokenizer, self._ends.union(ends)) if ends else self

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """As the tokenizer does."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=add_special_tokens)
        return ids

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """With special tokens."""
        text: str = self._tokenizer.decode([one for one in ids if one not in self._ends], skip_special_tokens=False)
        return text


class ToolChoice(NamedTuple):
    """Which tools a turn has to call."""

    is_required: bool = False
    """Whether it has to call one."""
    name: str | None = None
    """The one that it has to call; None: any."""


ANY_CHOICE = ToolChoice()
"""The turn may call a tool, or write a text."""


class Calls:
    """Reads tool calls by the engine's own parser.

    Args:
        parser: a class of vLLM's tool parsers; None: the server has none.
        tokenizer: of the model.
    """

    def __init__(self, parser: Any, tokenizer: Any) -> None:
        self._parser, self._tokenizer = parser, tokenizer

    @property
    def are_read(self) -> bool:
        """Whether there is a parser."""
        return self._parser is not None

    def read(self, text: str, tools: Sequence[Any], choice: ToolChoice = ANY_CHOICE) -> list[Call]:
        """The calls in a text."""
        if self._parser is None:
            return []
        # Where a call is required, vLLM has it written as plain JSON, unless the parser has a grammar of its own.
        if choice.is_required and getattr(self._parser, "supports_required_and_named", True):
            return _required_calls(text, choice)
        # A parser keeps the state of one reply.
        parser = self._parser(self._tokenizer, list(tools))
        request = SimpleNamespace(tools=list(tools), tool_choice="auto", skip_special_tokens=False)
        found = parser.extract_tool_calls(text, request)
        return [(call.function.name, call.function.arguments) for call in found.tool_calls if found.tools_called]


def _required_calls(text: str, choice: ToolChoice) -> list[Call]:
    """The calls in JSON: a list of them, or only the arguments of the function that is to be called."""
    try:
        value = json.loads(text)
        return stated_calls(value) if choice.name is None else [(choice.name, json.dumps(value))]
    except (ValueError, RecursionError):
        return []


class Action:
    """How the answers of a turn are read that declares tools or structured output.

    Several calls are a set: their order makes no difference.

    Args:
        calls: reads tool calls.
        tools: those that the turn declares.
        choice: which of them it has to call.
        stops: texts that end the answer, and are not part of it.
    """

    def __init__(
        self, calls: Calls, tools: Sequence[Any], choice: ToolChoice = ANY_CHOICE, stops: Sequence[str] = ()
    ) -> None:
        self._calls, self._tools, self._choice, self._stops = calls, tools, choice, stops

    def read(self, text: str) -> str:
        """The answer in a text that has ended."""
        for stop in self._stops:
            text = text.partition(stop)[0]
        calls = self._calls.read(text, self._tools, self._choice) if self._tools else []
        return lines_of(calls) if calls else canonical_text(text)

    def gold(self, text: str) -> str:
        """The right answer as `read` gives it. `stated_calls` says how calls are stated."""
        if not self._tools:
            return canonical_text(text)
        try:
            return lines_of(stated_calls(json.loads(text)))
        except (ValueError, RecursionError):
            return canonical_text(text)

    def forcing(self, before: str, end: str, after: str) -> Forcing:
        """How an answer is forced: nothing is written for the model but the closed reasoning.

        Args:
            before, after: the text around the closing tag.
            end: the closing tag.
        """
        close = before + end + after
        return Forcing(close, close, ACTION_TOKENS, lambda text: False, self.read, self.read, None, needs_end=True)


def tools_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The functions that the body of a request declares, in the format of chat completions; [] with tool choice "none".

    The Responses API and the Messages API write them differently.
    """
    if body.get("tool_choice") == "none" or body.get("tool_choice") == {"type": "none"}:
        return []
    found = []
    for tool in body.get("tools") or ():
        function = tool.get("function") or {
            "name": tool.get("name"),
            "description": tool.get("description"),
            "parameters": tool.get("parameters") or tool.get("input_schema") or {},
        }
        if function.get("name"):
            found.append({"type": "function", "function": function})
        else:
            warn("tool", f"a tool of type {tool.get('type')} is not a function: its calls are compared as text")
    return found


def tool_choice_of(body: Mapping[str, Any]) -> ToolChoice:
    """Which tools the body of a request has a turn call, in the format of any of the APIs."""
    choice = body.get("tool_choice")
    if choice == "required":
        return ToolChoice(True)
    if not isinstance(choice, dict) or choice.get("type") not in ("function", "tool", "any"):
        return ANY_CHOICE
    function = choice.get("function")
    return ToolChoice(True, (function if isinstance(function, dict) else choice).get("name"))
