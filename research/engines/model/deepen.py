"""Writes the test model with further layers that add nothing: the same tokens, and each costs as much as those of a larger model."""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from reasoner.gguf_file import write_gguf
from reasoner.models import MODELS
from safetensors.numpy import load_file, save_file

# Their outputs are added to what comes in, so a layer that outputs 0 changes nothing.
OUTPUTS = ("self_attn.o_proj.weight", "mlp.down_proj.weight")


def main() -> None:
    """Writes a Hugging Face folder and a GGUF file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=list(MODELS), default="single", help="the model (default single)")
    parser.add_argument("--layers", type=int, required=True, help="layers in all")
    parser.add_argument("--start", type=Path, required=True, help="Hugging Face folder of the model")
    parser.add_argument("--weights", type=Path, required=True, help="folder to write")
    parser.add_argument("--gguf", type=Path, required=True, help="GGUF file to write")
    arguments = parser.parse_args()
    shutil.copytree(arguments.start, arguments.weights, dirs_exist_ok=True)
    config_file, tensors_file = arguments.weights / "config.json", arguments.weights / "model.safetensors"
    config, tensors = json.loads(config_file.read_text()), load_file(tensors_file)
    first = config["num_hidden_layers"]
    for layer in range(first, arguments.layers):
        start = f"model.layers.{layer % first}."
        for name in [name for name in tensors if name.startswith(start)]:
            rest = name.removeprefix(start)
            tensors[f"model.layers.{layer}.{rest}"] = np.zeros_like(tensors[name]) if rest in OUTPUTS else tensors[name].copy()
    save_file(tensors, tensors_file, metadata={"format": "pt"})
    config_file.write_text(json.dumps({**config, "num_hidden_layers": arguments.layers}))
    write_gguf(MODELS[arguments.model], arguments.weights, arguments.gguf)


if __name__ == "__main__":
    main()
