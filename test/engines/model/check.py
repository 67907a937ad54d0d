"""Checks the committed model: `python test/engines/model/check.py`.

Needs `pip install -r test/engines/model/requirements.txt`. The checks of the GGUF file say that they are skipped
where xllamacpp is missing.
"""

import importlib.util
import unittest
from pathlib import Path
from random import Random

import torch

from reasoner.examples import Example, draw_example
from reasoner.generate import Generation, generate, load, probe, prompt_tokens
from reasoner.prompts import Prompt, prompts
from reasoner.tasks import TASKS
from reasoner.tokenizer import END_THINK, build_tokenizer, vocabulary

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER / "weights"
GGUF = FOLDER / "stopgate-reasoner.gguf"
PROMPTS = list(prompts(seed=7, count=48))
# At least this many of twelve greedy answers are right; the README states the shares measured on many more.
LEAST_RIGHT = {"follow": 10, "count": 0, "add": 8, "times": 0}

torch.set_num_threads(1)
MODEL, TOKENIZER = load(WEIGHTS)
END_THINK_ID = vocabulary().index(END_THINK)


def greedy_runs() -> list[Generation]:
    """Greedy runs of PROMPTS by transformers, made once."""
    if not RUNS:
        RUNS.extend(generate(MODEL, TOKENIZER, PROMPTS))
    return RUNS


RUNS: list[Generation] = []


class TokenizerTest(unittest.TestCase):
    """The files that any engine reads."""

    def test_text_survives_encoding(self) -> None:
        text = "follow c 6: Ad ~{|}\n <think>x</think>"
        self.assertEqual(TOKENIZER.decode(TOKENIZER.encode(text)), text)

    def test_think_tags_and_characters_are_single_tokens(self) -> None:
        self.assertEqual(len(TOKENIZER.encode("<think>ab</think>c")), 5)
        self.assertEqual(TOKENIZER.convert_tokens_to_ids(END_THINK), END_THINK_ID)

    def test_files_are_those_the_code_builds(self) -> None:
        built = build_tokenizer()
        self.assertEqual(TOKENIZER.get_vocab(), built.get_vocab())
        self.assertEqual(TOKENIZER.chat_template, built.chat_template)

    def test_template_opens_a_thought(self) -> None:
        text = TOKENIZER.apply_chat_template(
            [{"role": "user", "content": "add a1"}], tokenize=False, add_generation_prompt=True
        )
        self.assertEqual(text, "<|user|>add a1<|assistant|><think>")

    def test_template_renders_a_given_thought(self) -> None:
        reply = {"role": "assistant", "reasoning_content": "a 0+1=1 ", "content": "1"}
        text = TOKENIZER.apply_chat_template([{"role": "user", "content": "add a1"}, reply], tokenize=False)
        self.assertEqual(text, "<|user|>add a1<|assistant|><think>a 0+1=1 </think>1</s>")


class ExamplesTest(unittest.TestCase):
    """The training data."""

    def test_a_branch_equals_a_sequence_of_its_own(self) -> None:
        generation = greedy_runs()[0]
        cut = len(generation.thought) // 2
        ids = torch.tensor([generation.prompt_tokens + generation.thought[:cut] + [END_THINK_ID]])
        with torch.no_grad():
            alone = MODEL(ids).logits[0, -1].softmax(-1).max().item()
        self.assertAlmostEqual(probe(MODEL, TOKENIZER, generation, [cut // 2, cut])[1].confidence, alone, places=4)

    def test_prompts_of_training_start_as_the_template_does(self) -> None:
        problem = TASKS["add"].pose(Random(3))
        example: Example = draw_example(Random(3), TASKS["add"])
        expected = prompt_tokens(TOKENIZER, problem.prompt)
        self.assertEqual(example.tokens[: len(expected)], expected)

    def test_prompts_are_reproducible_and_their_answers_single_characters(self) -> None:
        self.assertEqual(PROMPTS, list(prompts(seed=7, count=48)))
        self.assertTrue(all(len(prompt.answer) == 1 for prompt in PROMPTS))


class TransformersTest(unittest.TestCase):
    """What the model does in transformers."""

    def test_thoughts_end_and_answers_are_as_good_as_stated(self) -> None:
        for task, least in LEAST_RIGHT.items():
            runs = [run for run in greedy_runs() if run.prompt.task == task]
            self.assertGreaterEqual(sum(run.is_right for run in runs), least, task)
            self.assertTrue(all(len(run.answer) == 1 for run in runs), task)

    def test_a_thought_cut_anywhere_is_answered(self) -> None:
        for run in greedy_runs()[:4]:
            alphabet = "0123456789abcdefghij"
            for forced in probe(MODEL, TOKENIZER, run, range(0, len(run.thought), 7)):
                self.assertIn(forced.answer, alphabet)


@unittest.skipUnless(importlib.util.find_spec("xllamacpp"), "xllamacpp is not installed")
class LlamaCppTest(unittest.TestCase):
    """The GGUF file in llama.cpp's server."""

    def test_greedy_equals_transformers(self) -> None:
        from reasoner.llama_cpp import LlamaServer

        server = LlamaServer(GGUF)
        different: list[Prompt] = []
        for run in greedy_runs():
            reply = server.post(
                "/completion", {"prompt": run.prompt_tokens, "temperature": 0, "n_predict": 700, "return_tokens": True}
            )
            if reply["tokens"] != run.tokens[: len(reply["tokens"])] or len(run.tokens) - len(reply["tokens"]) > 1:
                different.append(run.prompt)
        # Where two tokens are equally probable, rounding decides.
        self.assertLessEqual(len(different), 1, different)

    def test_chat_separates_thought_and_answer(self) -> None:
        from reasoner.llama_cpp import LlamaServer

        run = greedy_runs()[2]
        body = {"messages": [{"role": "user", "content": run.prompt.content}], "temperature": 0}
        message = LlamaServer(GGUF).post("/v1/chat/completions", body)["choices"][0]["message"]
        self.assertEqual(message["content"], run.answer)
        self.assertEqual(message["reasoning_content"].strip(), TOKENIZER.decode(run.thought).strip())


if __name__ == "__main__":
    unittest.main()
