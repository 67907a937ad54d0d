"""Tool calls and other JSON as texts that are equal where their meaning is equal."""

import json
from collections.abc import Sequence
from typing import Any

Call = tuple[str, str]
"""The name of a tool, and its arguments as JSON."""


def canonical(value: Any) -> Any:
    """A JSON value without what makes no difference: whole numbers are integers, and keys are in order."""
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [canonical(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def canonical_text(text: str) -> str:
    """JSON in its canonical form; another text, stripped."""
    try:
        return canonical_json(json.loads(text))
    except (ValueError, RecursionError):
        return text.strip()


def canonical_json(value: Any) -> str:
    """A JSON value as a text that equal values share."""
    return json.dumps(canonical(value), separators=(",", ":"), ensure_ascii=False)


def lines_of(calls: Sequence[Call]) -> str:
    """Calls as one text, a line each. Their order makes no difference."""
    return "\n".join(sorted(f"{name} {canonical_text(arguments)}" for name, arguments in calls))


def stated_calls(value: Any) -> list[Call]:
    """The calls that a JSON value states.

    They are objects with `name` and `arguments` (or `parameters`), alone or in a list, or calls as OpenAI's API writes
    them: with `function`, and in the `tool_calls` of a message.

    Raises:
        ValueError: the value states no calls.
    """
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    return [_stated(one) for one in (value if isinstance(value, list) else [value])]


def _stated(call: Any) -> Call:
    function = call.get("function", call) if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    arguments = function.get("arguments", function.get("parameters")) if isinstance(function, dict) else None
    if not isinstance(name, str) or arguments is None:
        raise ValueError("it is not a call")
    return name, arguments if isinstance(arguments, str) else json.dumps(arguments)


def calls_in_lines(text: str) -> list[Call]:
    """The calls in a text of `lines_of`.

    Raises:
        ValueError: a line is not a name and an object.
    """
    calls = []
    for line in text.strip().split("\n"):
        name, _, arguments = line.strip().partition(" ")
        if not isinstance(json.loads(arguments), dict):
            raise ValueError(f"{line} is not a call")
        calls.append((name, arguments))
    return calls
