"""Right answers by prompt, which the operator states: they precede those of clients."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Golds:
    """Right answers by the text of the prompt.

    Args:
        path: of a file of JSON lines `{"prompt": "What is 17 * 23?", "gold": "391"}`.

    Raises:
        OSError: the file can't be read.
        ValueError: a line has another form, or a prompt has two right answers.
    """

    def __init__(self, path: str) -> None:
        self._by_prompt: dict[str, str] = {}
        with Path(path).open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    prompt, gold = _entry(line, f"{path}:{number}")
                    if self._by_prompt.setdefault(prompt, gold) != gold:
                        raise ValueError(f"{path}:{number}: this prompt has another right answer above")

    def __len__(self) -> int:
        return len(self._by_prompt)

    def of(self, body: Mapping[str, Any]) -> str | None:
        """The right answer to the prompt of a request: its last message from the user, or the text to complete."""
        return self._by_prompt.get((_prompt_of(body) or "").strip())


def written_prompt(body: Mapping[str, Any]) -> str | None:
    """The prompt of a request as its client wrote it: the text, or the messages, with their roles if there are several.

    None: it is not text alone.
    """
    messages = body.get("messages", body.get("input", body.get("prompt")))
    if isinstance(messages, str):
        return messages
    if not isinstance(messages, list) or not all(isinstance(one, dict) and "role" in one for one in messages):
        return None
    system = body.get("system", body.get("instructions"))
    turns = [*([{"role": "system", "content": system}] if isinstance(system, str) else []), *messages]
    said = [(one["role"], _text_of(one.get("content"))) for one in turns]
    if any(text is None for _, text in said):
        return None
    return said[0][1] if len(said) == 1 else "\n\n".join(f"{role}: {text}" for role, text in said)


def has_token_ids(body: Mapping[str, Any]) -> bool:
    """Whether the prompt of a request is token ids, or a list of these."""
    prompt = body.get("prompt")
    first = prompt[0] if isinstance(prompt, list) and prompt else None
    if isinstance(first, list):
        first = first[0] if first else None
    return isinstance(first, int)


def _entry(line: str, place: str) -> tuple[str, str]:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{place}: not JSON: {error}") from error
    found = [entry.get(name) for name in ("prompt", "gold")] if isinstance(entry, dict) else []
    prompt, gold = found or (None, None)
    if not isinstance(prompt, str) or not isinstance(gold, str) or not gold:
        raise ValueError(f'{place}: must be like {{"prompt": "What is 17 * 23?", "gold": "391"}}')
    return prompt.strip(), gold


def _prompt_of(body: Mapping[str, Any]) -> str | None:
    messages = body.get("messages", body.get("input", body.get("prompt")))
    if isinstance(messages, str):
        return messages
    if not isinstance(messages, list):
        return None
    of_user = [one for one in messages if isinstance(one, dict) and one.get("role") == "user"]
    return _text_of(of_user[-1].get("content")) if of_user else None


def _text_of(content: Any) -> str | None:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else None
