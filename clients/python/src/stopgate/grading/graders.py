"""Graders of single answers: by equality, by a function, or by a service of the operator's own."""

import importlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from .._http import Connections, Endpoint
from ..errors import CallFailed
from .items import GradingFailed, Item, NotGradable, label_of_grades, label_of_verdicts


class EqualityGrader(ABC):
    """Grades by whether two answers are equal.

    With a reference, each answer is right if it equals the reference. Without one, an early answer that equals the
    final one is a tie, and any other counts as lost: nobody knows which of them is right.
    """

    source: str

    @abstractmethod
    def equal(self, one: str, other: str) -> bool:
        """Whether two answers are equal."""

    def label(self, item: Item) -> dict[str, Any]:
        """See `Grader`."""
        if item.reference is None:
            same = [self.equal(item.answer, early.answer) for early in item.early]
            return label_of_verdicts(item, ["tie" if one else "lost" for one in same])
        right = self._matcher([item.reference] if isinstance(item.reference, str) else item.reference)
        return label_of_grades(item, right(item.answer), [right(early.answer) for early in item.early])

    def _matcher(self, references: Sequence[str]) -> Callable[[str], bool]:
        return lambda answer: any(self.equal(reference, answer) for reference in references)


class Exact(EqualityGrader):
    """Equal texts, but for spaces and capitals."""

    source = "exact"

    def equal(self, one: str, other: str) -> bool:
        """See `EqualityGrader`."""
        return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Number(EqualityGrader):
    """Equal values of the last number in each text; texts without a number equal none."""

    source = "number"

    def equal(self, one: str, other: str) -> bool:
        """See `EqualityGrader`."""
        left, right = self._value(one), self._value(other)
        return left is not None and left == right

    def _value(self, text: str) -> Decimal | None:
        numbers = [found for found in _NUMBER.findall(text) if any(sign.isdigit() for sign in found)]
        try:
            return Decimal(numbers[-1].replace(",", "")) if numbers else None
        except InvalidOperation:
            return None


class Math(EqualityGrader):
    """Equal mathematical expressions, by math-verify (`pip install 'stopgate[math]'`).

    Raises:
        ImportError: math-verify is not installed.
    """

    source = "math"

    def __init__(self) -> None:
        self._library = importlib.import_module("math_verify")

    def equal(self, one: str, other: str) -> bool:
        """See `EqualityGrader`."""
        parsed = [self._library.parse(self._marked(text), parsing_timeout=None) for text in (one, other)]
        return all(parsed) and bool(self._library.verify(*parsed, timeout_seconds=None))

    def _marked(self, text: str) -> str:
        """Bare LaTeX between dollars: math-verify finds LaTeX only between delimiters."""
        return f"${text}$" if "\\" in text and "$" not in text and "\\boxed" not in text else text


class Json(EqualityGrader):
    """Equal JSON values, whatever the order of fields. A text around one value, as in a code fence, is ignored."""

    source = "json"

    def equal(self, one: str, other: str) -> bool:
        """See `EqualityGrader`."""
        values = [self._canonical(text) for text in (one, other)]
        return values[0] is not None and values[0] == values[1]

    def _canonical(self, text: str) -> str | None:
        found = _json_in(text)
        return None if found is None else json.dumps(self.reduced(found[0]), sort_keys=True)

    def reduced(self, value: Any) -> Any:
        """The part of a value that counts."""
        return value


class Tool(Json):
    """Equal tool calls: the same names and arguments in the same order. Ids do not count.

    It understands calls as OpenAI's API writes them, and objects with `name` and `arguments`.
    """

    source = "tool"

    def reduced(self, value: Any) -> Any:
        """See `Json`."""
        if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
            value = value["tool_calls"]
        calls = value if isinstance(value, list) else [value]
        return [self._call(one) for one in calls]

    def _call(self, call: Any) -> Any:
        if not isinstance(call, dict):
            return call
        function = call.get("function", call)
        if not isinstance(function, dict):
            return call
        arguments = function.get("arguments", function.get("parameters", {}))
        if isinstance(arguments, str):
            found = _json_in(arguments)
            arguments = arguments if found is None else found[0]
        return [function.get("name"), arguments]


def _json_in(text: str) -> tuple[Any] | None:
    """The value of a JSON text, or of the first JSON object or list in a text, in a tuple; None: there is none."""
    try:
        return (json.loads(text),)
    except ValueError:
        pass
    for start in (match.start() for match in re.finditer(r"[\[{]", text)):
        try:
            return (json.JSONDecoder().raw_decode(text[start:])[0],)
        except ValueError:
            continue
    return None


class Function:
    """Grades each answer by a function of the operator's, called with `prompt`, `answer` and `reference`.

    It returns whether the answer is right, or a reward in [0, 1] as a float. One that raises cannot grade the item now.

    Args:
        name: `module:function`.

    Raises:
        ValueError: the name has another form.
        ImportError, AttributeError: there is no such module or function.
    """

    def __init__(self, name: str) -> None:
        self._function = function_named(name)
        self.source = f"python:{name}"[:128]

    def label(self, item: Item) -> dict[str, Any]:
        """See `Grader`."""
        final, *early = (self._grade(item, answer) for answer in (item.answer, *(one.answer for one in item.early)))
        return label_of_grades(item, final, early)

    def _grade(self, item: Item, answer: str) -> bool | float:
        try:
            grade = self._function(prompt=item.prompt, answer=answer, reference=item.reference)
        except Exception as error:
            raise GradingFailed(f"{self.source} failed: {error!r}") from error
        if isinstance(grade, bool) or (isinstance(grade, int | float) and 0 <= grade <= 1):
            return grade
        raise GradingFailed(f"{self.source} returned {grade!r}: return True, False or a reward in [0, 1]")


def function_named(name: str) -> Callable[..., Any]:
    """The function that `module:function` names.

    Raises:
        ValueError, ImportError, AttributeError: as `Function`.
    """
    module, _, function = name.partition(":")
    if not module or not function:
        raise ValueError(f"name a function as module:function, not {name!r}")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


class Http:
    """Grades by a POST to a service of the operator's.

    The body has `generation_id`, `prompt`, `answer`, `early` (a list of answers) and `reference`. The reply has either
    `grade`, for the final answer, and `early`, a list of grades (true or false, or rewards from 0 to 1), or
    `verdicts`, a list of "lost", "tie" or "gained", one for each early answer.

    Args:
        url: of the route.
        token: sent as a bearer token; None: none.
    """

    def __init__(self, url: str, token: str | None = None, timeout: float = 60) -> None:
        self.source = "http"
        self._connections = Connections(Endpoint(url, token))
        self._path = "" if urlsplit(url).path.strip("/") else "/"
        self._timeout = timeout

    def label(self, item: Item) -> dict[str, Any]:
        """See `Grader`."""
        body = {
            "generation_id": item.generation_id, "prompt": item.prompt, "answer": item.answer,
            "early": [early.answer for early in item.early], "reference": item.reference,
        }  # fmt: skip
        try:
            reply = self._connections.call("POST", self._path, json.dumps(body).encode(), timeout=self._timeout).json()
        except CallFailed as error:
            raise GradingFailed(f"the grader's service: {error}", error.status, error.retry_after) from error
        try:
            if "verdicts" in reply:
                return label_of_verdicts(item, reply["verdicts"])
            return label_of_grades(item, reply["grade"], reply["early"])
        except (KeyError, TypeError, ValueError) as error:
            raise NotGradable(
                f"the grader's service sent neither verdicts nor a grade for each answer: {error!r}"
            ) from error
