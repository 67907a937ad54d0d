"""The character tokenizer: one token for each printable ASCII character and for each special token."""

from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD, END, UNKNOWN, USER, ASSISTANT = "<pad>", "</s>", "<unk>", "<|user|>", "<|assistant|>"
THINK, END_THINK = "<think>", "</think>"
CONTROL_TOKENS = (PAD, END, UNKNOWN, USER, ASSISTANT)
THINK_TOKENS = (THINK, END_THINK)
CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))
# GPT-2's byte-level alphabet has visible characters in place of these two.
BYTE_LEVEL = {" ": "Ġ", "\n": "Ċ"}


def vocabulary() -> list[str]:
    """All tokens in the order of their ids, characters as the byte-level alphabet writes them."""
    return [*CONTROL_TOKENS, *THINK_TOKENS, *(BYTE_LEVEL.get(character, character) for character in CHARACTERS)]


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer with its chat template, a byte-level BPE without merges (what GGUF calls `gpt2`)."""
    ids = {token: number for number, token in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[], unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL_TOKENS])
    # Not "special": text decoded without special tokens keeps the tags, as reasoning parsers expect.
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in THINK_TOKENS])
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
    )
    wrapped.chat_template = (Path(__file__).parent / "chat_template.jinja").read_text().rstrip("\n")
    return wrapped
