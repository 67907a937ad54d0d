"""Writes the Hugging Face folder as one GGUF file for llama.cpp."""

import json
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from reasoner.models import SINGLE, ModelSpec
from reasoner.tokenizer import CONTROL_TOKENS, END, PAD, UNKNOWN, merges, vocabulary

NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}


def gguf_name(name: str) -> str:
    """The name that llama.cpp gives to a tensor: `model.layers.2.mlp.up_proj.weight` is `blk.2.ffn_up.weight`."""
    if name in NAMES:
        return NAMES[name]
    layer, _, rest = name.removeprefix("model.layers.").partition(".")
    return f"blk.{layer}.{NAMES[rest]}"


def interleaved(weight: NDArray[np.float16], heads: int) -> NDArray[np.float16]:
    """Reorders the rows (heads x head size, inputs) of q or k: llama.cpp rotates neighbours, Hugging Face halves."""
    rows, inputs = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, inputs).swapaxes(1, 2).reshape(rows, inputs)


def add_tokenizer(writer: gguf.GGUFWriter, spec: ModelSpec, chat_template: str) -> None:
    """Adds the vocabulary. An empty list of merges is refused, so there is a merge that no text can contain."""
    tokens = vocabulary(spec)
    kinds = dict.fromkeys(CONTROL_TOKENS, gguf.TokenType.CONTROL) | dict.fromkeys(
        spec.tags, gguf.TokenType.USER_DEFINED
    )
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([kinds.get(token, gguf.TokenType.NORMAL) for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in merges(spec)] or [f"{PAD} {PAD}"])
    writer.add_bos_token_id(tokens.index(END))  # Without one, llama.cpp assumes token 11.
    writer.add_eos_token_id(tokens.index(END))
    writer.add_unk_token_id(tokens.index(UNKNOWN))
    writer.add_pad_token_id(tokens.index(PAD))
    writer.add_add_bos_token(False)
    writer.add_chat_template(chat_template)


def write_gguf(spec: ModelSpec, folder: Path, path: Path) -> None:
    """Writes `path` from the Hugging Face folder; matrices stay in 16 bits, norms become 32."""
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("stopgate-reasoner" if spec is SINGLE else f"stopgate-reasoner-{spec.name}")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    add_tokenizer(writer, spec, (folder / "chat_template.jinja").read_text())
    for name, weight in load_file(folder / "model.safetensors").items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            weight = interleaved(weight, config["num_attention_heads"])
        writer.add_tensor(gguf_name(name), weight if weight.ndim == 2 else weight.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
