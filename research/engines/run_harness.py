"""Evaluates a test model with the lm-evaluation-harness, which a service stops early, several times in a row.

It prints a line of JSON for each evaluation: what the harness reports, and EM and tokens of the same answers in full.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch
from lm_eval.tasks import TaskManager

FOLDER = Path(__file__).parent / "model"
sys.path.insert(0, str(FOLDER))

from reasoner.generate import MAX_NEW_TOKENS, generate as generate_full, load  # noqa: E402
from reasoner.models import MODELS  # noqa: E402
from reasoner.prompts import prompts  # noqa: E402

from stopgate import Client  # noqa: E402
from stopgate.hf import ReasoningFormat  # noqa: E402
from stopgate.lm_eval import StopgateLM, evaluate  # noqa: E402

TASK = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
output_type: generate_until
test_split: test
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: [], do_sample: false, max_gen_toks: {limit}}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
process_results: !function metric.exact_match
"""
GRADER = """
def exact_match(doc, results):
    return {"exact_match": float(results[0].strip() == doc["answer"])}
"""


def main() -> None:
    """Evaluates, and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", choices=list(MODELS), default="single")
    parser.add_argument("--task", default="follow")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--evaluations", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    spec = MODELS[options.model]
    model, tokenizer = load(spec.weights)
    questions = list(prompts(spec, 77, options.questions, [options.task]))
    done = list(generate_full(spec, model, tokenizer, questions))
    full = {
        "em_in_full": sum(one.is_right for one in done) / len(done),
        "tokens_in_full": sum(len(one.tokens) for one in done) / len(done),
    }
    reasoning = ReasoningFormat(
        close=spec.close, ask=spec.close + spec.ask, answer_tokens=spec.answer_tokens, extract=spec.extract
    )
    with tempfile.TemporaryDirectory() as folder, Client(options.url, timeout=5.0) as client:
        file = Path(folder) / "questions.jsonl"
        lines = [json.dumps({"question": one.content, "answer": one.answer}) for one in questions]
        file.write_text("\n".join(lines))
        (Path(folder) / "metric.py").write_text(GRADER)
        text = TASK.format(name=options.task, file=file, limit=MAX_NEW_TOKENS)
        (Path(folder) / "task.yaml").write_text(text)
        tasks = TaskManager(include_path=folder, include_defaults=False)
        for number in range(options.evaluations):
            lm = StopgateLM(
                model, tokenizer=tokenizer, client=client, context={"model": "reasoner", "task": options.task},
                batch_size=64, reasoning=reasoning, seed=number,
            )  # fmt: skip
            results = evaluate(lm, [options.task], apply_chat_template=True, task_manager=tasks)["results"]
            figures = {name.partition(",")[0]: value for name, value in results[options.task].items()}
            print(json.dumps({**full, **{name: v for name, v in figures.items() if name != "alias"}}), flush=True)


if __name__ == "__main__":
    main()
