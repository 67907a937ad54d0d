"""Trainings in two processes each, whose rollouts a service stops: `python FILE URL FOLDER VLLM`.

The first one, `processes`, rolls out in transformers. The second one, `server`, does so on the vLLM server at that
address, by TRL's server mode; the weights of the server stay as they are. Each process writes its rollouts and reports
to a file in the folder. All are forks of this one, which imports everything once.
"""

import json
import os
import socket
import sys
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset

import stopgate._session
from stopgate import Client
from stopgate._outcome import outcome_of
from stopgate.hf import ReasoningFormat
from stopgate.training import Run
from stopgate.trl import Rollouts
from tiny import tiny_model, tiny_tokenizer

trl: Any = import_module("trl")
STEPS, ROWS, SAMPLES, PROCESSES = 4, 6, 4, 2
"""Rows of a process: with two processes, a step has three groups, and the second group is half in each process."""
CLOSE = "\n</think>\n"


def without_weights() -> None:
    """Lets TRL's client talk to a server whose weights it can't update: that needs CUDA on both sides."""
    both: list[Any] = [import_module(f"trl.generation.vllm_{name}") for name in ("client", "generation")]
    for module in both:
        module.is_vllm_available = lambda *_, **__: True
    both[0].VLLMClient.init_communicator = lambda *_, **__: None
    both[0].VLLMClient.update_named_params = lambda *_, **__: None


def train(rank: int, port: int, url: str, folder: str, task: str, vllm: str | None) -> None:
    """Trains for some steps, as one of the processes."""
    size = {"WORLD_SIZE": str(PROCESSES), "LOCAL_WORLD_SIZE": str(PROCESSES)}
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        **size,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    told: list[dict[str, Any]] = []
    rollouts: list[dict[str, Any]] = []
    checkpoints: list[dict[str, Any]] = []
    report = Run.report

    def recorded(*args: Any) -> dict[str, Any]:
        told.append(outcome_of(*args))
        return told[-1]

    def reported(self: Run, checkpoint: dict[str, Any]) -> bool:
        checkpoints.append(checkpoint)
        return report(self, checkpoint)

    session: Any = stopgate._session
    session.outcome_of = recorded
    Run.report = reported  # type: ignore[method-assign]
    if vllm:
        without_weights()

    def vowels(completions: list[str], **_: Any) -> list[float]:
        return [sum(one in "aeiou" for one in text) / max(1, len(text)) for text in completions]

    with Client(url, timeout=30) as client:
        stopping = Rollouts(
            client, reward=vowels, context={"model": "tiny", "task": task}, run=f"run-{task}", report_every=1,
            reasoning=ReasoningFormat(close=CLOSE, ask=CLOSE, answer_tokens=2),
        )  # fmt: skip

        def rolled(prompts: list[Any], trainer: Any) -> dict[str, Any]:
            done = stopping(prompts, trainer)
            rollouts.append({"prompts": prompts, **done})
            return done

        server: dict[str, Any] = {"use_vllm": True, "vllm_mode": "server", "vllm_server_base_url": vllm} if vllm else {}
        if vllm:
            server["generation_kwargs"] = {"seed": 1, "logit_bias": {}}
        config = trl.GRPOConfig(
            output_dir=f"{folder}/{task}-{rank}", max_steps=STEPS, per_device_train_batch_size=ROWS, num_generations=SAMPLES,
            max_completion_length=40, report_to=[], use_cpu=True, save_strategy="no", logging_steps=1,
            disable_tqdm=True, bf16=False, gradient_checkpointing=False, learning_rate=1e-6, **server,
        )  # fmt: skip
        trainer = trl.GRPOTrainer(
            tiny_model(), args=config, train_dataset=Dataset.from_list([{"prompt": one} for one in "abcdefgh"]),
            processing_class=tiny_tokenizer(), rollout_func=rolled, reward_funcs=stopping.reward,
        )  # fmt: skip
        trainer.train()
        assert client.flush(30)
    said = {"outcomes": told, "rollouts": rollouts, "checkpoints": checkpoints}
    Path(folder, f"{task}-{rank}.json").write_text(json.dumps(said))


def main() -> None:
    """Trains twice."""
    url, folder, server = sys.argv[1:]
    torch.set_num_threads(1)
    fork = get_context("fork")
    for task, vllm in (("processes", None), ("server", server)):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        started = [fork.Process(target=train, args=(i, port, url, folder, task, vllm)) for i in range(PROCESSES)]
        for one in started:
            one.start()
        running = {one.sentinel: one for one in started}
        while running:
            for sentinel in wait(list(running)):
                ended = running.pop(sentinel)  # type: ignore[arg-type]
                ended.join()
                if ended.exitcode:  # the others would wait for it
                    for one in running.values():
                        one.terminate()
                    sys.exit(1)


if __name__ == "__main__":
    main()
