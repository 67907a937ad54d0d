"""A model that has learned nothing, for tests that do not depend on its answers."""

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

TOKENS = ["<pad>", "</s>", "</think>", "\n", *"abcdefghijklmnopqrstuvwxyz"]


def tiny_tokenizer() -> Any:
    """Letters and a few special tokens, one token each."""
    inner = Tokenizer(models.WordLevel({token: i for i, token in enumerate(TOKENS)}, unk_token="z"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    inner.decoder = decoders.Fuse()
    inner.add_tokens(["</think>"])
    wrap: Any = PreTrainedTokenizerFast
    return wrap(tokenizer_object=inner, pad_token="<pad>", eos_token="</s>")


def tiny_model(seed: int = 1, window: int | None = None) -> Any:
    """A Llama of 50,000 parameters that seldom repeats itself; a Mistral where attention has a window of tokens."""
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "vocab_size": len(TOKENS), "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.4,
        "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0,
    }  # fmt: skip
    model: Any = (
        LlamaForCausalLM(LlamaConfig(**sizes))
        if window is None
        else MistralForCausalLM(MistralConfig(**sizes, sliding_window=window))
    )
    return model.eval()


def prompts(tokenizer: Any, texts: "list[str]") -> Any:
    return tokenizer(texts, padding=True, padding_side="left", add_special_tokens=False, return_tensors="pt")
