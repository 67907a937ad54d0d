"""Forms in which answers are forced and read, and the choice of the one that a model wants."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ._calls import canonical_text

FormName = Literal["plain", "boxed", "choice", "json", "direct"]
SEARCHED_TOKENS, STATED_TOKENS = 64, 16
"""Largest number of tokens of a forced answer, unless it is set: while a form is searched for, and where one is
stated."""
_FITTING, _LEAST = 0.9, 0.5


class _Style(NamedTuple):
    """How an answer is read."""

    suffix: str
    is_whole: Callable[[str], bool]
    """Whether a forced text has the whole answer, and shows its end."""
    forced: Callable[[str], str]
    """The answer in a forced text."""
    final: Callable[[str], str]
    """The answer in a text that the model wrote unforced; "" if there is none."""


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0].strip()


def _behind(text: str, pattern: str, flags: int = 0) -> str | None:
    """The text behind the last match."""
    found = list(re.finditer(pattern, text, flags))
    return text[found[-1].end() :] if found else None


def _closing_brace(text: str) -> int:
    """The index of the brace that closes one opened before the text; -1: it is not there."""
    depth = 1
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return at
    return -1


def _in_braces(text: str) -> str:
    end = _closing_brace(text)
    return (text if end == -1 else text[:end]).strip()


def _letter(text: str) -> str:
    found = re.search(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", text)
    return found[0] if found else ""


def _balanced(text: str) -> str | None:
    """From the first opening brace or bracket to its closing one."""
    found = re.search(r"[{\[]", text)
    start, depth = found.start() if found else 0, 0
    for part in re.finditer(r'"(?:[^"\\]|\\.)*"?|[{}\[\]]', text[start:], re.S):
        depth += (part[0] in "{[") - (part[0] in "}]")
        if depth == 0 and part[0] in "}]":
            return text[start : start + part.end()]
    return None


def canonical_json(text: str) -> str:
    """The first JSON object or list, so that equal values are equal texts; without one, the text as it is."""
    return canonical_text(_balanced(text) or text)


# Models write long texts. None of these goes over a part of a text again and again, which would stall all generations.
_FINAL, _BOX = r"final answer\W*?:\**", r"\\boxed\s*\{"
_CHOSEN = r"(?:answer|choice|option)(?:\s*is\b)?\W*(?=[A-Z]\b)"
STYLES: Mapping[FormName, _Style] = {
    "plain": _Style(
        "Final answer:",
        lambda text: "\n" in text.lstrip(),
        _first_line,
        lambda text: _first_line(_behind(text, _FINAL, re.I) or text),
    ),
    "boxed": _Style(
        "The final answer is \\boxed{",
        lambda text: _closing_brace(text) != -1,
        _in_braces,
        lambda text: _in_braces(_behind(text, _BOX) or ""),
    ),
    "choice": _Style(
        "The answer is (",
        lambda text: re.search(r"[)\n]", text) is not None,
        _letter,
        lambda text: _letter(_behind(text, _CHOSEN, re.I) or text),
    ),
    "json": _Style(
        "{", lambda text: _balanced("{" + text) is not None, lambda text: canonical_json("{" + text), canonical_json
    ),
    "direct": _Style("", lambda text: False, str.strip, str.strip),
}


class ProbeForm(NamedTuple):
    """A form, as service and proxy know it."""

    name: FormName
    suffix: str
    before: str
    after: str
    tokens: int

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "ProbeForm":
        """A form of a reply or a bundle.

        Raises:
            KeyError: it lacks a field, or its name is unknown.
        """
        STYLES[fields["name"]]
        return cls(*(fields[name] for name in cls._fields))


@dataclass(frozen=True)
class Forcing:
    """How answers of a generation are forced and read.

    Attributes:
        close: closes the reasoning at a stop.
        ask: forces an answer behind a copy of the reasoning.
        tokens: most tokens of a forced answer.
        is_whole: whether a forced text has the whole answer.
        forced: the answer in a forced text.
        final: the answer in a text that the model wrote unforced.
        form: as the service knows it; None: it can't be said.
        needs_end: whether a forced text that was cut off before its end holds no answer.
    """

    close: str
    ask: str
    tokens: int
    is_whole: Callable[[str], bool]
    forced: Callable[[str], str]
    final: Callable[[str], str]
    form: ProbeForm | None
    needs_end: bool = False

    @classmethod
    def of(cls, form: ProbeForm, end: str, extract: Callable[[str], str] | None = None) -> "Forcing":
        """The forcing of a form.

        Args:
            end: the tag that closes the reasoning.
            extract: finds the answer in the text behind the reasoning; None: as the form reads it.
        """
        style, close = STYLES[form.name], form.before + end + form.after
        forced, final = (
            (style.forced, style.final) if extract is None else (lambda text: extract(form.suffix + text), extract)
        )
        return cls(close, close + form.suffix, form.tokens, style.is_whole, forced, final, form)


class FormTrial(NamedTuple):
    """How a form did at the end of the reasoning of one generation."""

    name: FormName
    is_equal: bool
    """Whether the forced answer is the one that the model then gave."""
    is_repeated: bool
    """Whether the model gave that answer again when asked for it."""
    answer_tokens: int
    """Tokens up to the end of the answer."""
    whole_tokens: int
    """Tokens with the text that shows its end."""


class EndTrial(NamedTuple):
    """How all forms did at the end of the reasoning of one generation, with the white space around its closing tag."""

    before: str
    after: str
    forms: list[FormTrial]


class EndOfReasoning(NamedTuple):
    """Where a model has closed its reasoning by itself."""

    prefix: list[int]
    """Prompt and reasoning, up to the closing tag."""
    before: str
    after: str
    answer: str
    """All that it wrote behind the tag."""

    def asking(self, name: FormName, end: str, tokens: int, extract: Callable[[str], str] | None = None) -> Forcing:
        """Forces an answer here in a form, behind what the model itself wrote."""
        return Forcing.of(ProbeForm(name, STYLES[name].suffix, "", self.after, tokens), end, extract)

    def checking(self, forcing: Forcing) -> Forcing:
        """Forces an answer here as at a check."""
        form = forcing.form
        if form is None or not self.before.endswith(form.before):
            return forcing
        return Forcing(
            forcing.close[len(form.before) :], forcing.ask[len(form.before) :], forcing.tokens, forcing.is_whole,
            forcing.forced, forcing.final, form,
        )  # fmt: skip


def end_of(prefix: list[int], reasoning: str, answer: str) -> EndOfReasoning | None:
    """Where a model has closed its reasoning; None: it wrote no answer.

    Args:
        prefix: prompt and reasoning.
        reasoning: its text.
        answer: the text behind the tag.
    """
    if not answer.strip():
        return None
    return EndOfReasoning(
        prefix, reasoning[len(reasoning.rstrip()) :], answer[: len(answer) - len(answer.lstrip())], answer
    )


def judge(forcing: Forcing, name: FormName, texts: Sequence[str], decoded: int, answer: str, again: str) -> FormTrial:
    """Compares a forced answer with the real one.

    Args:
        forcing: how it was forced, and is read.
        texts: the forced text after each of its tokens.
        decoded: tokens decoded, with the end of the sequence.
        answer: what the model wrote by itself.
        again: what it wrote when asked again.
    """
    style, text = STYLES[name], texts[-1] if texts else ""
    given = forcing.final(answer)
    bare = next((i for i, part in enumerate(texts, 1) if style.forced(part) == style.forced(text)), decoded)
    whole = next((i for i, part in enumerate(texts, 1) if style.is_whole(part)), decoded)
    is_equal, is_repeated = forcing.forced(text) == given, forcing.final(again) == given
    return FormTrial(name, given != "" and is_equal, given != "" and is_repeated, bare, whole)


def choose_form(trials: Sequence[EndTrial], most_tokens: int) -> dict[str, Any]:
    """The finding as the service takes it: the form that agrees most, of those that agree equally the shortest.

    Where answers vary, the yardstick is how often the model agrees with itself.

    Args:
        most_tokens: of a forced answer.
    """
    tried = [_tried(name, [form for trial in trials for form in trial.forms if form.name == name]) for name in STYLES]
    fitting = [one for one in tried if one.agreement >= max(_LEAST, _FITTING * one.self_agreement)]
    best = min(fitting, key=lambda one: (-one.agreement, one.tokens, len(STYLES[one.name].suffix)), default=None)
    form = None if best is None else _form_of(best.name, trials, most_tokens)
    return {
        "form": None if form is None else form._asdict(),
        "is_stated": False,
        "generations": len(trials),
        "tried": [one._asdict() for one in tried],
    }


class _Tried(NamedTuple):
    """How a form did over all generations."""

    name: FormName
    agreement: float
    self_agreement: float
    tokens: float


def _tried(name: FormName, its: Sequence[FormTrial]) -> _Tried:
    count = len(its)
    equal, repeated = sum(form.is_equal for form in its), sum(form.is_repeated for form in its)
    return _Tried(name, equal / count, repeated / count, sum(form.whole_tokens for form in its) / count)


def _form_of(name: FormName, trials: Sequence[EndTrial], most_tokens: int) -> ProbeForm:
    before, after = Counter((trial.before, trial.after) for trial in trials).most_common(1)[0][0]
    equal = [form for trial in trials for form in trial.forms if form.name == name and form.is_equal]
    bare, whole = [form.answer_tokens for form in equal], [form.whole_tokens for form in equal]
    # A `direct` answer is ended by the model alone: where all have one length, its end says nothing.
    tokens = bare[0] if name == "direct" and min(bare) == max(bare) else 2 * max(whole) - min(whole)
    return ProbeForm(name, STYLES[name].suffix, before, after, min(most_tokens, tokens))
