"""Checks the committed models: `python research/engines/model/check.py`.

Needs `pip install -r research/engines/model/requirements.txt`. The checks of the GGUF file say that they are skipped
where xllamacpp is missing.
"""

import importlib.util
import json
import unittest
from functools import cache
from random import Random
from typing import Any

import torch

from reasoner.batches import collate
from reasoner.examples import draw_example
from reasoner.generate import Generation, Model, Tokenizer, force, generate, load, prompt_tokens
from reasoner.models import BOXED, SINGLE, ModelSpec
from reasoner.prompts import Prompt, prompts
from reasoner.tokenizer import END_THINK, build_tokenizer, encoder

COUNT = 48
# At least this many of twelve greedy answers are right; the README states the shares measured on many more.
LEAST_RIGHT = {
    SINGLE: {"follow": 10, "count": 0, "add": 8, "times": 0},
    BOXED: {"swap": 11, "total": 8, "dial": 6, "call": 9},
}
ALPHABET = {SINGLE: "0123456789abcdefghij", BOXED: "0123456789"}

torch.set_num_threads(1)


@cache
def loaded(spec: ModelSpec) -> tuple[Model, Tokenizer]:
    """The model and its tokenizer."""
    return load(spec.weights)


@cache
def greedy_runs(spec: ModelSpec) -> list[Generation]:
    """Greedy runs by transformers, made once."""
    return list(generate(spec, *loaded(spec), list(prompts(spec, 7, COUNT, tuple(spec.tasks)))))


class ModelTest:
    """The checks of each model."""

    spec: ModelSpec

    def setUp(self) -> None:
        self.model, self.tokenizer = loaded(self.spec)

    def test_text_survives_encoding(self: Any) -> None:
        texts = ("follow c 6: Ad ~{|}\n <think>x</think>", " The answer is \\boxed{472}.", '{"name": "set_heat"}}')
        for text in texts:
            self.assertEqual(self.tokenizer.decode(self.tokenizer.encode(text)), text)

    def test_tags_and_words_are_single_tokens(self: Any) -> None:
        for text in (*self.spec.tags, *self.spec.words):
            self.assertEqual(len(self.tokenizer.encode(text)), 1, text)
        self.assertEqual(len(self.tokenizer.encode("<think>472</think>x")), 6)

    def test_files_are_those_the_code_builds(self: Any) -> None:
        built = build_tokenizer(self.spec)
        self.assertEqual(self.tokenizer.get_vocab(), built.get_vocab())
        self.assertEqual(self.tokenizer.chat_template, built.chat_template)

    def test_a_branch_equals_a_sequence_of_its_own(self: Any) -> None:
        example = draw_example(Random(3), self.spec, next(iter(self.spec.tasks.values())))
        batch = collate([example])
        branch = [place for place, number in enumerate(example.branch) if number == 4]
        own = example.tokens[: example.sees[branch[0]]] + [example.tokens[place] for place in branch]
        with torch.no_grad():
            mask, positions = batch.mask, batch.positions
            together = self.model(batch.tokens, attention_mask=mask, position_ids=positions).logits[0, branch[-1]]
            alone = self.model(torch.tensor([own])).logits[0, -1]
        self.assertLess((together - alone).abs().max().item(), 1e-3)

    def test_an_answer_is_forced_as_in_a_sequence_of_its_own(self: Any) -> None:
        run, code = greedy_runs(self.spec)[0], encoder(self.spec)
        cut = len(run.thought) // 2
        ids = run.prompt_tokens + run.thought[:cut] + code.encode(self.spec.close + self.spec.ask)
        most = self.spec.answer_tokens
        tokens = self.model.generate(torch.tensor([ids]), max_new_tokens=most, do_sample=False)[0, len(ids) :]
        text = self.spec.ask + self.tokenizer.decode(tokens, skip_special_tokens=True)
        forced = force(self.spec, *loaded(self.spec), run, [8, cut], self.spec.close + self.spec.ask, most)[1]
        self.assertEqual(forced.answer, self.spec.all_tasks[run.prompt.task].read(text))

    def test_prompts_of_training_start_as_the_template_does(self: Any) -> None:
        task = next(iter(self.spec.tasks.values()))
        expected = prompt_tokens(self.tokenizer, task.pose(Random(3)).prompt)
        self.assertEqual(draw_example(Random(3), self.spec, task).tokens[: len(expected)], expected)

    def test_thoughts_end_and_answers_are_as_good_as_stated(self: Any) -> None:
        end, closed = encoder(self.spec).end, self.tokenizer.convert_tokens_to_ids(END_THINK)
        for task, least in LEAST_RIGHT[self.spec].items():
            runs = [run for run in greedy_runs(self.spec) if run.prompt.task == task]
            self.assertGreaterEqual(sum(run.is_right for run in runs), least, task)
            self.assertTrue(all(run.tokens[-1] == end and closed in run.tokens and run.answer for run in runs), task)

    def test_a_thought_cut_anywhere_is_answered(self: Any) -> None:
        for run in [run for run in greedy_runs(self.spec) if run.prompt.task in self.spec.asked][:4]:
            ask, cuts = self.spec.close + self.spec.ask, range(0, len(run.thought), 7)
            for forced in force(self.spec, *loaded(self.spec), run, cuts, ask, self.spec.answer_tokens):
                self.assertTrue(forced.answer and set(forced.answer) <= set(ALPHABET[self.spec]), forced)


class SingleTest(ModelTest, unittest.TestCase):
    """The model `single`."""

    spec = SINGLE

    def test_template_opens_and_renders_a_thought(self) -> None:
        chat = [{"role": "user", "content": "add a1"}]
        text = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        self.assertEqual(text, "<|user|>add a1<|assistant|><think>")
        chat.append({"role": "assistant", "reasoning_content": "a 0+1=1 ", "content": "1"})
        text = self.tokenizer.apply_chat_template(chat, tokenize=False)
        self.assertEqual(text, "<|user|>add a1<|assistant|><think>a 0+1=1 </think>1</s>")


class BoxedTest(ModelTest, unittest.TestCase):
    """The model `boxed`."""

    spec = BOXED

    def test_template_opens_and_renders_a_thought(self) -> None:
        chat: list[dict[str, object]] = [{"role": "user", "content": "heat hall 2"}]
        text = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        self.assertEqual(text, "<|user|>heat hall 2<|assistant|><think>\n")
        function = {"name": "set_heat", "arguments": {"room": "hall", "level": 2}}
        call = {"type": "function", "function": function}
        chat.append({"role": "assistant", "reasoning_content": "It is 2.", "content": None, "tool_calls": [call]})
        text = self.tokenizer.apply_chat_template(chat, tokenize=False)
        said = f"It is 2.\n</think>\n\n<tool_call>\n{json.dumps(function)}\n</tool_call></s>"
        self.assertEqual(text, f"<|user|>heat hall 2<|assistant|><think>\n{said}")

    def test_answers_from_inside_a_number_are_worse(self) -> None:
        """The model's purpose: answered some tokens behind a probe, fewer answers are right."""
        right = {"before": 0, "inside": 0}
        for run in greedy_runs(BOXED):
            if run.prompt.task not in BOXED.asked:
                continue
            # The last line states the result once more: three digits, a full stop and a line feed, a token each.
            self.assertRegex(self.tokenizer.decode(run.thought), r"\d{3}\.\n$")
            cuts = [len(run.thought) - 5, len(run.thought) - 3]
            for place, forced in zip(right, force(BOXED, *loaded(BOXED), run, cuts, BOXED.close, 64), strict=True):
                right[place] += forced.answer == run.prompt.answer
        self.assertGreater(right["before"], right["inside"] + 12, right)


class LlamaCppTest:
    """A GGUF file in llama.cpp's server."""

    spec: ModelSpec

    def test_greedy_equals_transformers(self: Any) -> None:
        from reasoner.llama_cpp import LlamaServer

        server = LlamaServer(self.spec.gguf)
        different: list[Prompt] = []
        for run in greedy_runs(self.spec):
            reply = server.post(
                "/completion", {"prompt": run.prompt_tokens, "temperature": 0, "n_predict": 700, "return_tokens": True}
            )
            if reply["tokens"] != run.tokens[: len(reply["tokens"])] or len(run.tokens) - len(reply["tokens"]) > 1:
                different.append(run.prompt)
        # Where two tokens are equally probable, rounding decides.
        self.assertLessEqual(len(different), 1, different)

    def test_texts_are_encoded_as_in_transformers(self: Any) -> None:
        from reasoner.llama_cpp import LlamaServer

        server, tokenizer = LlamaServer(self.spec.gguf), loaded(self.spec)[1]
        for run in greedy_runs(self.spec)[:8]:
            text = tokenizer.decode(run.prompt_tokens + run.tokens)
            tokens = server.post("/tokenize", {"content": text, "parse_special": True})["tokens"]
            self.assertEqual(tokens, run.prompt_tokens + run.tokens)

    def test_chat_separates_thought_and_answer(self: Any) -> None:
        from reasoner.llama_cpp import LlamaServer

        run, tokenizer = greedy_runs(self.spec)[2], loaded(self.spec)[1]
        body = {"messages": [{"role": "user", "content": run.prompt.content}], "temperature": 0}
        message = LlamaServer(self.spec.gguf).post("/v1/chat/completions", body)["choices"][0]["message"]
        self.assertEqual(self.spec.all_tasks[run.prompt.task].read(message["content"]), run.answer)
        self.assertEqual(message["reasoning_content"].strip(), tokenizer.decode(run.thought).strip())


@unittest.skipUnless(importlib.util.find_spec("xllamacpp"), "xllamacpp is not installed")
class SingleLlamaCppTest(LlamaCppTest, unittest.TestCase):
    """That of the model `single`."""

    spec = SINGLE


@unittest.skipUnless(importlib.util.find_spec("xllamacpp"), "xllamacpp is not installed")
class BoxedLlamaCppTest(LlamaCppTest, unittest.TestCase):
    """That of the model `boxed`."""

    spec = BOXED


if __name__ == "__main__":
    unittest.main()
