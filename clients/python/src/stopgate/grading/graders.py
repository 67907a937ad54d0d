"""Graders of single answers: by equality, by a function, or by a service of the operator's own."""

import importlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from .._calls import calls_in_lines, canonical_json, lines_of, stated_calls
from .._http import Connections, Endpoint
from .items import Early, GradingFailed, Item, NotGradable, label_of_grades, label_of_verdicts, post
from .limited import LimitedCalls, ProcessError


class EqualityGrader(ABC):
    """Grades by whether two answers are equal.

    With a reference, each answer is right if it equals the reference. Without one, answers that are equal are a tie,
    and others count as lost: nobody knows which of them is right.
    """

    source: str

    @abstractmethod
    def equal(self, one: str, other: str) -> bool:
        """Whether two answers are equal."""

    def label(self, item: Item) -> dict[str, Any]:
        """See `Grader`."""
        if item.reference is None:
            same = [self.equal(item.answer, early.answer) for early in item.early]
            return label_of_verdicts(item, ["tie" if one else None for one in same])
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


class Math:
    """Equal mathematical expressions, by math-verify (`pip install 'stopgate-client[math]'`).

    Each item is graded in a process with limits of time and memory: a short answer can be a number that no computer
    can write down.

    Raises:
        ModuleNotFoundError: math-verify is not installed.
    """

    source = "math"

    def __init__(self) -> None:
        if find_spec("math_verify") is None:
            raise ModuleNotFoundError("No module named 'math_verify': pip install 'stopgate-client[math]'")
        self._calls = LimitedCalls("stopgate.grading.graders:math_in_process")

    def equal(self, one: str, other: str) -> bool:
        """Whether two answers are equal.

        Raises:
            LimitExceeded: it would take too much time or memory.
            GradingFailed: no process can be started.
        """
        return bool(self._call(["equal", one, other]))

    def label(self, item: Item) -> dict[str, Any]:
        """See `Grader`.

        Raises:
            LimitExceeded: it would take too much time or memory.
        """
        label: dict[str, Any] = self._call(["label", *item])
        return label

    def _call(self, argument: Any) -> Any:
        try:
            return self._calls.call(argument)
        except (ProcessError, OSError) as error:
            raise GradingFailed(str(error), is_outage=True) from error


class _MathVerify(EqualityGrader):
    """What `Math` does in its processes."""

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


def math_in_process(argument: list[Any]) -> Any:
    """A call of `Math`, in a process of its own: the name of its method, and its arguments as JSON has them."""
    method, *rest = argument
    grader = _MathVerify()
    if method == "equal":
        return grader.equal(*rest)
    id, answer, early, steps, prompt, reference = rest
    return grader.label(Item(id, answer, [Early(*one) for one in early], steps, prompt, reference))


class Json(EqualityGrader):
    """Equal JSON values, whatever the order of fields: each text is a value, or has one in its only code fence."""

    source = "json"

    def equal(self, one: str, other: str) -> bool:
        """See `EqualityGrader`."""
        try:
            return self.canonical(one) == self.canonical(other)
        except (ValueError, RecursionError):
            return False

    def canonical(self, text: str) -> str:
        """A text that equal answers share.

        Raises:
            ValueError, RecursionError: the text is no answer of this kind.
        """
        return canonical_json(json.loads(_unfenced(text)))


class Tool(Json):
    """Equal sets of tool calls: the same names and arguments. Neither ids nor the order of calls count.

    It reads calls as the proxy and vLLM's plug-in report them, a line of name and arguments each, and as
    `stated_calls` does.
    """

    source = "tool"

    def canonical(self, text: str) -> str:
        """See `Json`."""
        try:
            value = json.loads(_unfenced(text))
        except ValueError:
            return lines_of(calls_in_lines(text))
        return lines_of(stated_calls(value))


_FENCED = re.compile(r"```\w*[^\S\n]*\n(.*?)```", re.S)


def _unfenced(text: str) -> str:
    """What is inside of the code fence of a text; without a fence, or with several, the text."""
    blocks = _FENCED.findall(text)
    return blocks[0] if len(blocks) == 1 else text


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
        if _is_grade(grade):
            return grade  # type: ignore[no-any-return]
        raise GradingFailed(f"{self.source} returned {grade!r}: return True, False or a reward in [0, 1]")


def _is_grade(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


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
    `verdicts`, a list with "lost", "tie" or "gained" for each early answer, or null for doubt, which counts as lost.

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
        reply = post(self._connections, self._path, body, self._timeout, "the grader's service")
        if not isinstance(reply, dict):
            raise NotGradable("the reply of the grader's service is not an object")
        if "verdicts" in reply:
            return label_of_verdicts(item, _one_each(item, reply["verdicts"], "verdicts", _is_verdict))
        if not _is_grade(reply.get("grade")):
            raise NotGradable("the reply of the grader's service has neither verdicts nor a grade from 0 to 1")
        return label_of_grades(item, reply["grade"], _one_each(item, reply.get("early"), "early", _is_grade))


def _is_verdict(value: Any) -> bool:
    return value in ("lost", "tie", "gained", None)


def _one_each(item: Item, values: Any, name: str, is_valid: Callable[[Any], bool]) -> list[Any]:
    """The values of a reply, one for each early answer.

    Raises:
        NotGradable: there are others.
    """
    if not isinstance(values, list) or len(values) != len(item.early) or not all(map(is_valid, values)):
        raise NotGradable(
            f"the reply of the grader's service has no valid {name} for each of {len(item.early)} answers"
        )
    return values
