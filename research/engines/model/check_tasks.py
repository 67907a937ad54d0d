"""Checks the tasks of both models: `python3 research/engines/model/check_tasks.py`. Standard library only."""

import json
import re
import unittest
from collections.abc import Iterator
from itertools import accumulate
from random import Random

from reasoner.models import BOXED, MODELS, SINGLE
from reasoner.prompts import prompts
from reasoner.tasks import Problem, Segment, Task, belief_at

THOUGHTS = 250
RESULT = re.compile(r"(?:So it is|Again it is|But now it is) (\d{3})\.")


def thoughts(task: Task, seed: int = 1) -> Iterator[tuple[Problem, list[Segment]]]:
    """Problems with a thought each."""
    rng = Random(seed)
    for _ in range(THOUGHTS):
        problem = task.pose(rng)
        yield problem, task.think(rng, problem)


def text_of(segments: list[Segment]) -> str:
    """The thought as text."""
    return "".join(segment.text for segment in segments)


def starts(segments: list[Segment]) -> list[int]:
    """Where each segment starts, in characters."""
    return [0, *accumulate(len(segment.text) for segment in segments)][:-1]


def as_number(task: Task, answer: str) -> str:
    """The number in an answer."""
    return str(json.loads(answer)["arguments"]["level"]) if task.name == "call" else answer


class TasksTest(unittest.TestCase):
    """Checks of every task."""

    def test_prompts_are_reproducible_and_differ(self) -> None:
        for spec in MODELS.values():
            some = list(prompts(spec, seed=7, count=200))
            self.assertEqual(some, list(prompts(spec, seed=7, count=200)))
            self.assertGreater(len({prompt.content for prompt in some}), 195)
            self.assertEqual({prompt.task for prompt in some}, set(spec.asked))

    def test_an_answer_is_read_as_it_was_written(self) -> None:
        for spec in MODELS.values():
            for task in spec.all_tasks.values():
                for problem, _ in thoughts(task):
                    self.assertEqual(task.read(task.write(problem.answer)), problem.answer)

    def test_a_forced_answer_continues_the_words_that_ask_for_it(self) -> None:
        for spec in MODELS.values():
            for name in spec.asked:
                written = spec.tasks[name].write("472")
                self.assertTrue(written.startswith(spec.ask))
                self.assertEqual(spec.extract(written), "472")
                self.assertEqual(spec.extract(written.removeprefix(spec.ask)), "472")

    def test_the_first_model_has_answers_of_one_character_and_can_be_cut_anywhere(self) -> None:
        for task in SINGLE.all_tasks.values():
            for problem, segments in thoughts(task):
                self.assertEqual(len(problem.answer), 1)
                self.assertTrue(all(segment.half_written is None for segment in segments))


class BoxedTasksTest(unittest.TestCase):
    """Checks of the purpose of the second model."""

    def test_answers_are_numbers_of_three_digits(self) -> None:
        for task in BOXED.tasks.values():
            for problem, _ in thoughts(task):
                self.assertRegex(as_number(task, problem.answer), r"^\d{3}$")

    def test_a_thought_ends_with_its_answer(self) -> None:
        for task in BOXED.tasks.values():
            for problem, segments in thoughts(task):
                text = text_of(segments)
                self.assertRegex(text, r" \d{3}\.$")
                belief = belief_at(Random(1), segments, len(text), problem.answer)
                self.assertEqual(RESULT.findall(text)[-1], as_number(task, belief))

    def test_half_of_the_reasoning_comes_after_the_first_result(self) -> None:
        for task in BOXED.tasks.values():
            texts = [text_of(segments) for _, segments in thoughts(task)]
            before = [len(text) - len(RESULT.split(text, maxsplit=1)[-1]) for text in texts]
            self.assertLess(sum(before) / sum(map(len, texts)), 0.52, task.name)

    def test_tasks_differ_in_how_often_the_whole_thought_is_right(self) -> None:
        least, most = {"swap": 1, "total": 0.97, "dial": 0.75, "call": 1}, {"total": 0.999, "dial": 0.9}
        for name, task in BOXED.tasks.items():
            right = sum(segments[-1].belief == problem.answer for problem, segments in thoughts(task))
            self.assertGreaterEqual(right / THOUGHTS, least[name], name)
            self.assertLessEqual(right / THOUGHTS, most.get(name, 1), name)

    def test_later_reasoning_changes_results_only_in_total(self) -> None:
        for name, task in BOXED.tasks.items():
            results = [RESULT.findall(text_of(segments)) for _, segments in thoughts(task)]
            changed = sum(some[0] != some[-1] for some in results) / THOUGHTS
            low, high = (0.05, 0.25) if name == "total" else (0, 0)
            self.assertTrue(low <= changed <= high, (name, changed))

    def test_a_thought_must_not_be_cut_inside_a_number(self) -> None:
        rng = Random(2)
        for task in BOXED.tasks.values():
            cuts = damaged = 0
            for problem, segments in thoughts(task):
                for start, segment in zip(starts(segments), segments, strict=True):
                    belief = segment.belief or problem.answer
                    self.assertEqual(belief_at(rng, segments, start, problem.answer), belief)
                    self.assertEqual(segment.half_written is not None, bool(re.fullmatch(r"\d{2,}", segment.text)))
                    for cut in range(start + 1, start + len(segment.text)):
                        inside = segment.half_written is not None
                        cuts += inside
                        damaged += inside and belief_at(rng, segments, cut, problem.answer) != belief
            self.assertTrue(0.6 < damaged / cuts < 0.8, (task.name, damaged / cuts))

    def test_a_share_of_checks_falls_inside_numbers(self) -> None:
        for task in BOXED.tasks.values():
            inside = total = 0
            for _, segments in thoughts(task):
                inside += sum(len(segment.text) - 1 for segment in segments if segment.half_written)
                total += len(text_of(segments))
            self.assertTrue(0.1 < inside / total < 0.5, (task.name, inside / total))

    def test_a_tool_call_has_the_chat_format_of_hermes(self) -> None:
        task = BOXED.tasks["call"]
        for problem, _ in thoughts(task):
            match = re.fullmatch(r"<tool_call>\n(.*)\n</tool_call>", task.write(problem.answer))
            assert match is not None
            call = json.loads(match[1])
            self.assertEqual(set(call), {"name", "arguments"})
            self.assertIn(call["name"], {"set_light", "set_heat"})
            self.assertEqual(set(call["arguments"]), {"room", "level"})


if __name__ == "__main__":
    unittest.main()
