"""Records full greedy runs of a test model in llama.cpp, an answer forced every 8 tokens, as traces on standard output.

Needs the packages of `research/engines/model/requirements.txt` and xllamacpp.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "engines" / "model"))

from reasoner.generate import Tokenizer, prompt_tokens
from reasoner.llama_cpp import LlamaServer
from reasoner.models import MODELS, ModelSpec
from reasoner.prompts import Prompt, prompts
from reasoner.tokenizer import END_THINK, build_tokenizer, encoder

EVERY = 8
MOST = 700
# Of the 103 and 207 tokens of the vocabularies. The entropy is that of the most probable ones.
TOP = 20


class Recorder:
    """Runs prompts in a server of one slot, which keeps the prefix that all probes of a run share."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec, self.forcing = spec, encoder(spec).encode(spec.close + spec.ask)
        self.tokenizer: Tokenizer = build_tokenizer(spec)
        self.server, self.end = LlamaServer(spec.gguf), encoder(spec).end
        self.end_think = encoder(spec).encode(END_THINK)[0]

    def complete(self, tokens: list[int], most: int, **more: object) -> dict[str, Any]:
        """A greedy completion."""
        body = {"prompt": tokens, "temperature": 0, "n_predict": most, "return_tokens": True, "cache_prompt": True}
        return self.server.post("/completion", body | more)

    def read(self, prompt: Prompt, text: str) -> str:
        """The answer in the text behind the reasoning."""
        return self.spec.all_tasks[prompt.task].read(text)

    def record(self, prompt: Prompt) -> dict[str, object]:
        """The outcome of a full run with its steps."""
        opening = prompt_tokens(self.tokenizer, prompt.content)
        tokens: list[int] = self.complete(opening, MOST)["tokens"]
        if tokens[-1:] != [self.end]:
            tokens.append(self.end)  # which llama.cpp decodes and does not return
        thought = tokens.index(self.end_think) if self.end_think in tokens else len(tokens)
        text = self.tokenizer.decode(tokens[thought + 1 :], skip_special_tokens=True)
        steps: list[dict[str, object]] = []
        for cut in range(EVERY, thought, EVERY):
            steps.append({"tokens": cut, **self.probe(prompt, opening + tokens[:cut])})
        return {
            "generation_id": prompt.id,
            "group_id": prompt.id,
            "sample_index": 0,
            "context": {"model": self.spec.name, "task": prompt.task},
            "tokens": len(tokens),
            "answer_tokens": len(tokens) - thought - 1,
            "em": int(self.read(prompt, text) == prompt.answer),
            "steps": steps,
        }

    def probe(self, prompt: Prompt, prefix: list[int]) -> dict[str, object]:
        """A step without its place."""
        reply = self.complete(prefix + self.forcing, self.spec.answer_tokens, n_probs=TOP)
        decoded = reply["completion_probabilities"]
        ends = (number for number, token in enumerate(decoded) if "}" in token["token"] or token["id"] == self.end)
        length = next(ends, len(decoded) - 1) + 1  # a server told to stop there would decode no more
        logprobs = [token["logprob"] for token in decoded[:length] if token["id"] != self.end]
        answer = self.read(prompt, self.spec.ask + "".join(token["token"] for token in decoded[:length]))
        first = [math.exp(other["logprob"]) for other in decoded[0]["top_logprobs"]]
        entropy = -sum(p * math.log(p) for p in first if p > 0)
        return {
            "confidence": round(min(1.0, math.exp(sum(logprobs) / len(logprobs))), 5) if logprobs else 0.0,
            "signals": {"entropy": round(max(0.0, entropy), 5)},
            "probe_tokens": length,
            "answer": answer,
            "em": int(answer == prompt.answer),
        }


def main() -> None:
    """Writes a line for each generation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=list(MODELS), required=True)
    parser.add_argument("--generations", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    recorder = Recorder(MODELS[options.model])
    for prompt in prompts(recorder.spec, options.seed, options.generations):
        sys.stdout.write(json.dumps(recorder.record(prompt)) + "\n")


if __name__ == "__main__":
    main()
