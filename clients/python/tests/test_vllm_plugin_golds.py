"""Right answers by prompt, and how a request gets its own."""

from pathlib import Path
from typing import Any

import pytest

from conftest import Service
from fake_vllm import FakeEngine
from stopgate._outcome import outcome_of
from stopgate.generation import Generation
from stopgate.vllm_plugin.golds import Golds, written_prompt
from stopgate.vllm_plugin.serving import Server
from vllm_server import IN_ONE, PROMPT, arm_is, held, play, prepare, requesting, said, wanting

LINES = '{"prompt": "2 + 2?", "gold": "4"}\n\n{"prompt": " 2 + 3?\\n", "gold": "5"}\n'


def golds(folder: Path, text: str = LINES) -> Golds:
    path = folder / "gold.jsonl"
    path.write_text(text, encoding="utf-8")
    return Golds(str(path))


@pytest.mark.parametrize(
    ("body", "gold"),
    [
        ({"prompt": "2 + 2?\n"}, "4"),
        ({"input": "2 + 3?"}, "5"),
        ({"messages": [{"role": "user", "content": "2 + 3?"}, {"role": "user", "content": "2 + 2?"}]}, "4"),
        ({"messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "2 + 3?"}]}, "4"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "2 + 3?"}]}]}, "5"),
        ({"messages": [{"role": "user", "content": "2 + 4?"}]}, None),
        ({"prompt": [1, 2]}, None),
        ({"messages": [[{"role": "user", "content": "2 + 2?"}]]}, None),
        ({"messages": 7}, None),
        ({}, None),
    ],
)
def test_the_prompt_of_each_api_has_its_right_answer(
    tmp_path: Path, body: "dict[str, Any]", gold: "str | None"
) -> None:
    assert golds(tmp_path).of(body) == gold


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("4\n", r"gold\.jsonl:1: must be like"),
        (LINES + "{", r"gold\.jsonl:4: not JSON"),
        (LINES + '{"prompt": "2 + 2?", "gold": "5"}', r"gold\.jsonl:4: this prompt has another right answer above"),
        ('{"prompt": "2 + 2?", "gold": 4}', "must be like"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(tmp_path: Path, text: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        golds(tmp_path, text)


def test_a_request_without_a_header_is_graded_by_the_file(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-golds", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        server.golds = golds(tmp_path)
        references: list[Any] = []

        def keep(run: Generation, end: Any) -> Any:
            references.append(end.reference)
            return outcome_of(run, end)

        monkeypatch.setattr("stopgate._session.outcome_of", keep)
        for prompt in ("2 + 2?", "an unknown one"):
            with requesting("plug-golds", {"messages": [{"role": "user", "content": prompt}]}):
                await said(server(PROMPT, wanting(IN_ONE), prompt))
        await server.settle()
        assert references == ["4", None]

    play(service, "plug-golds", test)


def test_prompts_of_token_ids_are_warned_about_once(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(service, "plug-ids", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        server.golds = golds(tmp_path)
        for number, prompt in enumerate(["2 + 2?", [], {}, [["2 + 2?"]], [1, 2], [[1, 2]]]):
            assert ("token ids" in caplog.text) == (number > 4)
            with requesting("plug-ids", {"prompt": prompt}):
                await said(server(PROMPT, wanting(IN_ONE), f"r{number}"))
        assert caplog.text.count("prompts of token ids have no right answer") == 1
        assert "faults" not in server.counts.all()

    play(service, "plug-ids", test)


def test_graders_see_the_prompt_as_its_client_wrote_it() -> None:
    asked = {"role": "user", "content": "What is 6 * 7?"}
    assert written_prompt({"messages": [asked]}) == written_prompt({"input": "What is 6 * 7?"}) == "What is 6 * 7?"
    parts = {
        "role": "user",
        "content": [{"type": "input_text", "text": "What is "}, {"type": "input_text", "text": "6 * 7?"}],
    }
    assert (
        written_prompt({"input": [parts], "instructions": "Be brief."}) == "system: Be brief.\n\nuser: What is 6 * 7?"
    )
    turns = [asked, {"role": "assistant", "content": "42"}, {"role": "user", "content": "Sure?"}]
    assert written_prompt({"messages": turns}) == "user: What is 6 * 7?\n\nassistant: 42\n\nuser: Sure?"
    assert written_prompt({"prompt": "6 * 7 ="}) == "6 * 7 ="
    for other in (
        {"prompt": [1, 2]},
        {"prompt": ["a", "b"]},
        {"messages": [{"role": "assistant", "content": None}]},
        {},
    ):
        assert written_prompt(other) is None
