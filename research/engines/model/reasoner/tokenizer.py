"""The tokenizers: a token for each printable ASCII character, each tag and each of a model's words."""

from functools import cache
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from reasoner.models import ModelSpec

PAD, END, UNKNOWN, USER, ASSISTANT = "<pad>", "</s>", "<unk>", "<|user|>", "<|assistant|>"
END_THINK = "</think>"
CONTROL_TOKENS = (PAD, END, UNKNOWN, USER, ASSISTANT)
CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))
# GPT-2's byte-level alphabet has visible characters in place of these two.
BYTE_LEVEL = {" ": "Ġ", "\n": "Ċ"}


def merges(spec: ModelSpec) -> list[tuple[str, str]]:
    """Those of a byte-level BPE that make each word a token, from left to right."""
    pairs: dict[tuple[str, str], None] = {}
    for word in spec.words:
        text = "".join(BYTE_LEVEL.get(character, character) for character in word)
        for length in range(1, len(text)):
            pairs[text[:length], text[length]] = None
    return list(pairs)


def vocabulary(spec: ModelSpec) -> list[str]:
    """All tokens in the order of their ids, characters as the byte-level alphabet writes them."""
    characters = [BYTE_LEVEL.get(character, character) for character in CHARACTERS]
    return [*CONTROL_TOKENS, *spec.tags, *characters, *("".join(pair) for pair in merges(spec))]


def build_tokenizer(spec: ModelSpec) -> PreTrainedTokenizerFast:
    """The tokenizer with its chat template, a byte-level BPE (what GGUF calls `gpt2`)."""
    ids = {token: number for number, token in enumerate(vocabulary(spec))}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges(spec), unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL_TOKENS])
    # Not "special": text decoded without special tokens keeps the tags, as reasoning and tool parsers expect.
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in spec.tags])
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
    )
    template = Path(__file__).parent / "chat_templates" / f"{spec.name}.jinja"
    wrapped.chat_template = template.read_text().rstrip("\n")
    return wrapped


class Encoder:
    """Encodes the texts of training examples, special tokens included."""

    def __init__(self, spec: ModelSpec) -> None:
        self._tokenizer = build_tokenizer(spec).backend_tokenizer
        self.end = vocabulary(spec).index(END)

    def encode(self, text: str) -> list[int]:
        """The token ids of a text."""
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def starts(self, text: str) -> list[int]:
        """Where each token of a text starts, in characters."""
        starts, start = [], 0
        for token in self._tokenizer.encode(text).tokens:
            starts.append(start)
            start += len(token)  # ASCII: a token has as many characters as its text
        return starts


@cache
def encoder(spec: ModelSpec) -> Encoder:
    """The encoder of a model."""
    return Encoder(spec)
