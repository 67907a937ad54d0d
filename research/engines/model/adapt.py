"""Writes a LoRA adapter of a test model with random weights, which changes some of its replies."""

import argparse
import json
from pathlib import Path

import numpy as np
from reasoner.models import MODELS
from safetensors.numpy import load_file, save_file

RANK = 8
MODULES = ("q_proj", "v_proj")


def main() -> None:
    """Writes a folder in the format of PEFT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=list(MODELS), default="single", help="the model (default single)")
    parser.add_argument("--scale", type=float, default=0.02, help="standard deviation of the weights (default 0.02)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)

    def drawn(*shape: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
        return rng.normal(0, options.scale, shape).astype(np.float32)

    tensors = {}
    for name, weight in load_file(MODELS[options.model].weights / "model.safetensors").items():
        if name.rpartition(".weight")[0].endswith(MODULES):
            out_features, in_features = weight.shape
            path = "base_model.model." + name.removesuffix(".weight")
            tensors[f"{path}.lora_A.weight"] = drawn(RANK, in_features)
            tensors[f"{path}.lora_B.weight"] = drawn(out_features, RANK)
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": str(MODELS[options.model].weights),
        "r": RANK, "lora_alpha": 2 * RANK, "lora_dropout": 0.0, "bias": "none", "target_modules": [*MODULES],
        "inference_mode": True,
    }  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, options.out / "adapter_model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
