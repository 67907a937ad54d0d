"""Answers are forced in the form that the model wants, which the first generations of a context show."""

from collections.abc import Callable
from typing import Any

import pytest

from conftest import Service, until
from fake_vllm import FakeEngine
from stopgate import Client, Generation
from stopgate._answers import STYLES, EndTrial, Forcing, FormName, FormTrial, ProbeForm, choose_form, end_of, judge
from stopgate._probe_forms import TRIED_GENERATIONS, ProbeForms
from stopgate.errors import CallFailed
from stopgate.reasoning import ReasoningFormat
from stopgate.vllm_plugin.serving import Server
from vllm_server import PROMPT, STREAMED, arm_is, held, prepare, requesting, said, wanting
from vllm_server import play as play_vllm

DIRECT = ProbeForm("direct", "", "", "", 1)
BOXED = ProbeForm("boxed", "\\boxed{", "\n", "\n\n", 5)


@pytest.mark.parametrize(
    ("name", "forced", "final", "answer"),
    [
        ("plain", " 42\nand more", "So.\n**Final answer:** 42\nmore", "42"),
        ("boxed", "\\frac{1}{2}} and", "It is \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}"),
        ("choice", "B) since", "The answer is (B), since A is wrong", "B"),
        ("json", '"b": 1, "a": [2]} and', 'So {"a": [2], "b": 1}', '{"a":[2],"b":1}'),
        ("direct", " It is 42. ", "\n\nIt is 42.", "It is 42."),
    ],
)
def test_a_form_reads_forced_and_final_answers_as_the_proxy_does(
    name: Any, forced: str, final: str, answer: str
) -> None:
    style = STYLES[name]
    assert style.forced(forced) == style.final(final) == answer
    assert style.is_whole(forced) == (name != "direct")


LONG = 1_000_000
"""Characters: at a quadratic cost, days."""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("choice", "answer" + LONG * " "),
        ("choice", LONG // 10 * "answer is "),
        ("json", "{" + LONG // 2 * '\\"'),
        ("json", LONG * '"'),
        ("json", LONG * "[" + LONG * "]"),
        ("plain", "final answer" + LONG * " "),
        ("boxed", LONG // 7 * "\\boxed "),
    ],
)
def test_an_answer_is_found_in_a_time_that_grows_with_the_text(name: Any, text: str) -> None:
    STYLES[name].final(text)  # at a quadratic cost, this does not return


def trial(fits: Callable[[str], bool], repeats: bool = True, tokens: int = 3) -> EndTrial:
    return EndTrial("\n", "\n\n", [FormTrial(name, fits(name), repeats, 1, tokens) for name in STYLES])


def test_the_form_that_agrees_most_is_chosen_with_the_tokens_that_it_needs() -> None:
    found = choose_form([trial(lambda name: name == "boxed")] * 20, 64)
    assert found["form"] == {**BOXED._asdict(), "suffix": STYLES["boxed"].suffix, "tokens": 3}
    assert found["generations"] == 20 and not found["is_stated"]
    direct = choose_form([trial(lambda name: name == "direct")] * 20, 64)["form"]
    assert direct["tokens"] == 1, "the end says nothing where all answers have one length"
    longer = choose_form([trial(lambda name: name == "boxed", tokens=n) for n in (3, 9)] * 10, 64)["form"]
    assert longer["tokens"] == 15, "there is room for longer answers"


def test_without_a_form_that_agrees_in_nine_of_ten_there_is_none() -> None:
    some = [trial(lambda name: name == "plain")] * 17 + [trial(lambda name: False)] * 3
    assert choose_form(some, 64)["form"] is None
    varying = some[:17] + [trial(lambda name: False, repeats=False)] * 3
    assert choose_form(varying, 64)["form"]["name"] == "plain", "the model itself does not repeat the other answers"


def judged(
    name: FormName, texts: list[str], decoded: int, answer: str, again: str, extract: Callable[[str], str] | None = None
) -> FormTrial:
    end = end_of([1], "so", answer)
    assert end is not None
    return judge(end.asking(name, "</think>", 64, extract), name, texts, decoded, answer, again)


def test_a_trial_compares_with_the_real_answer() -> None:
    assert judged("direct", ["4", "42"], 3, "\n42", "42") == FormTrial("direct", True, True, 2, 3)
    assert judged("boxed", ["4", "42", "42}"], 5, "is \\boxed{42}", "is \\boxed{41}") == FormTrial(
        "boxed", True, False, 2, 3
    )
    assert not judged("boxed", [], 1, "42", "42").is_equal, "an empty answer equals none"


def test_a_function_of_the_caller_reads_forced_answers_as_the_texts_of_the_model() -> None:
    def in_tags(text: str) -> str:
        return text.split("{")[1].split("}")[0].removesuffix(".0")

    trial = judged("boxed", ["42", "42.0", "42.0}"], 3, "It is {42}.", "It is {41}.", in_tags)
    assert trial == FormTrial("boxed", True, False, 2, 3)
    forcing = Forcing.of(BOXED, "</think>", in_tags)
    assert forcing.forced("42.0}") == forcing.final("{42}") == "42"


def test_the_end_of_the_reasoning_is_closed_once() -> None:
    end = end_of([1, 2], "so it is\n", "\n\n42")
    assert end is not None and end[1:] == ("\n", "\n\n", "\n\n42")
    checked = end.checking(Forcing.of(BOXED, "</think>"))
    assert checked.ask == "</think>\n\n\\boxed{", "the line feed is in the prefix"
    assert end.checking(Forcing.of(DIRECT, "</think>")).ask == "</think>"
    assert end.asking("plain", "</think>", 9).ask == "</think>\n\nFinal answer:"
    assert end_of([1], "so", " \n") is None


class Registry:
    """Forms by a bundle, and the posted requests."""

    def __init__(self) -> None:
        self.known: tuple[bool, ProbeForm | None] = (False, None)
        self.posted: list[Any] = []
        self.forms = ProbeForms(
            lambda path, body: self.posted.append((path, body)), lambda run: self.known, lambda run, rule: None
        )
        with Client("http://127.0.0.1:9") as client:
            self.run: Generation = client.generation({"model": "m"})

    def try_all(self, fits: bool) -> None:
        for _ in range(TRIED_GENERATIONS):
            assert self.forms.claims(self.run)
            self.forms.tried(self.run, trial(lambda name: fits and name == "direct"), 64)


def test_nothing_is_probed_until_a_form_is_in_force() -> None:
    registry = Registry()
    forms, run, reasoning = registry.forms, registry.run, ReasoningFormat()
    assert forms.forcing(run, reasoning) is None
    registry.try_all(fits=True)
    assert len(registry.posted) == 1 and b'"name": "direct"' in registry.posted[0][1]
    assert forms.forcing(run, reasoning) is None and not forms.claims(run)
    registry.known = (True, BOXED)
    forcing = forms.forcing(run, reasoning)
    assert forcing is not None and forcing.ask == "\n</think>\n\n\\boxed{", "that of another worker, which was faster"
    assert not forms.claims(run)
    registry.known = (False, None)
    registry.try_all(fits=True)


def test_without_a_form_that_fits_it_is_tried_again_after_500_generations() -> None:
    registry = Registry()
    registry.try_all(fits=False)
    registry.known = (True, None)
    for _ in range(500):
        assert registry.forms.forcing(registry.run, ReasoningFormat()) is None
        assert not registry.forms.claims(registry.run)
    registry.try_all(fits=True)


def test_a_trial_that_ends_after_the_search_is_not_kept_for_the_next_one() -> None:
    registry = Registry()
    forms, run, late = registry.forms, registry.run, trial(lambda name: False)
    registry.try_all(fits=True)
    forms.tried(run, late, 64)
    registry.known = (True, BOXED)
    forms.forcing(run, ReasoningFormat())
    forms.tried(run, late, 64)
    registry.known = (False, None)
    forms.forcing(run, ReasoningFormat())
    registry.try_all(fits=True)
    assert len(registry.posted) == 2 and registry.posted[0] == registry.posted[1]


def test_a_stated_form_is_used_and_reported_and_objects_once() -> None:
    registry = Registry()
    stated = ReasoningFormat(close="</think>", ask="</think>", answer_tokens=1)
    for _ in range(3):
        forcing = registry.forms.forcing(registry.run, stated)
        assert forcing is not None and forcing.ask == "</think>"
    assert len(registry.posted) == 1 and b'"is_stated": true' in registry.posted[0][1]
    registry.known = (True, BOXED)
    for _ in range(3):
        forcing = registry.forms.forcing(registry.run, stated)
        assert forcing is not None and forcing.form == BOXED, "all workers force answers in the same way"
    assert len(registry.posted) == 2
    odd = ReasoningFormat(close="\n</think>", ask="</think>")
    forcing = registry.forms.forcing(registry.run, odd)
    assert forcing is not None and forcing.ask == "</think>" and len(registry.posted) == 2, "it can't be reported"


def test_a_service_that_is_away_does_not_fail_a_generation() -> None:
    def fail(path: str, body: bytes) -> Any:
        raise CallFailed("it is away")

    with Client("http://127.0.0.1:9") as client:
        assert ProbeForms(fail, None, lambda run, rule: None).forcing(client.generation({}), ReasoningFormat()) is None


def test_the_reply_says_when_to_ask_and_that_nothing_is_in_force(service: Service) -> None:
    service.put("/v1/contexts/model=q,task=told/policy", {"check_every_tokens": 8})
    service.pin("model=q,task=pinned", 0.9)
    with Client(service.url) as client:
        run = client.generation({"model": "q", "task": "told"})
        assert run.next_check == 16 and not run.asks_first, "nothing is known yet"
        client.forms.forcing(run, ReasoningFormat())
        assert run.next_check == 8 and run.asks_first
        client.check([run.observe(8)])
        assert run.arm == "control" and not run.asks_first
        pinned = client.generation({"model": "q", "task": "pinned"})
        client.forms.forcing(pinned, ReasoningFormat())
        assert not pinned.asks_first, "its probe may stop it"


def test_the_form_is_found_in_vllm_and_then_used(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    task = "plug-auto"
    prepare(service, task, 0.9, has_form=False)
    arm_is(monkeypatch, "control")

    async def ask(server: Server, count: int) -> None:
        for number in range(count):
            with requesting(task):
                await said(server(PROMPT, wanting(STREAMED, temperature=0), f"r{number}"))
            await server.settle()

    async def search(engine: FakeEngine, server: Server) -> None:
        await ask(server, TRIED_GENERATIONS)
        assert not any("-probe-" in id for id in engine.requests)

    async def check(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        await ask(server, 40)
        assert sum(id.endswith("-probe-16") for id in engine.requests) == 40
        assert sum(id.endswith("-end") for id in engine.requests) == 2

    play_vllm(service, task, search, has_form=False)
    play_vllm(service, task, check)
    found = until("validity is known", lambda: _validity(service, f"model=q,task={task}"))
    assert found["name"] == "plain" and found["validity"] == 1


def _validity(service: Service, key: str) -> Any:
    form = service.get(f"/v1/contexts/{key}")["probe_form"]
    return form if form is not None and form["asked"] == 2 else None
