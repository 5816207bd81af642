"""A causal language model in a folder, through transformers: its words, its likelihoods, its kept prefix.

Only worker processes import this module: it needs torch, transformers and llguidance (the extra `voice`).
Everything is loaded from files (`local_files_only`); nothing is fetched.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import llguidance
import llguidance.hf
import numpy as np
import torch
import transformers

from therapy.errors import BadValue
from voice_guide.think._mind import NoMind
from voice_guide.think._prompt import Message

__all__ = ["LoadedModel", "allowed_tokens"]

#: More tokens than this are not prefilled in one step, so that a cancelled thought ends soon.
_CHUNK: Final = 128


class LoadedModel:
    """Weights, tokenizer and the keys and values of the newest prompt.

    One thought at a time: a prompt that begins like the one before costs only what is new in it.
    """

    def __init__(self, folder: Path, *, threads: int) -> None:
        torch.set_num_threads(threads)
        transformers.utils.logging.disable_progress_bar()
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self.model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, dtype=torch.bfloat16
            )
        except (OSError, ValueError, KeyError) as error:
            raise NoMind(f"{folder} must hold a model in the format of transformers: {error}") from error
        if not isinstance(self.tokenizer, transformers.PreTrainedTokenizerFast):
            raise NoMind(f"{folder} must have a fast tokenizer, has {type(self.tokenizer).__name__}")
        self.model.eval()
        self.vocabulary: int = self.model.config.get_text_config().vocab_size
        self._grammar = llguidance.hf.from_tokenizer(self.tokenizer, n_vocab=self.vocabulary)
        self._cache: Any = transformers.DynamicCache(config=self.model.config)
        self._kept: list[int] = []

    def prompt(self, messages: Sequence[Message], *, answer: str = "") -> list[int]:
        """Return the tokens of a chat, up to where the model's answer begins with `answer`.

        What people said cannot become a token of the template: `_prompt.plain` takes its marks out.
        """
        chat = [{"role": message.role, "content": message.content} for message in messages]
        if self.tokenizer.chat_template is None:
            text = "\n\n".join(message.content for message in messages) + "\n\nJSON: "
        else:
            text = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer(text + answer, add_special_tokens=False)["input_ids"])

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of `text` as an answer, without marks of the template."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def read(self, tokens: Sequence[int]) -> torch.Tensor:
        """Read a prompt, keeping what it has in common with the one before; return the next logits (V,).

        Raises:
            BadValue: no tokens.
        """
        *_, logits = self._read_along(tokens)
        return logits

    def _read_along(self, tokens: Sequence[int]) -> Iterator[torch.Tensor]:
        """Yield the logits (V,) after each part of a prompt that was read."""
        if not tokens:
            raise BadValue("prompt", "at least one token", 0)
        same = _in_common(self._kept, tokens)
        same = min(same, len(tokens) - 1)  # at least one token gives the logits
        surplus = len(self._kept) - same
        if surplus:
            self._cache.crop(-surplus)
        self._kept = list(tokens[:same])
        for at in range(same, len(tokens), _CHUNK):
            yield self._step(tokens[at : at + _CHUNK])

    def _step(self, part: Sequence[int]) -> torch.Tensor:
        with torch.inference_mode():
            out = self.model(
                input_ids=torch.tensor([list(part)]),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        self._kept += part
        last: torch.Tensor = out.logits[0, -1].float()
        return last

    def write(
        self,
        tokens: Sequence[int],
        schema: dict[str, Any],
        *,
        most: int,
        temperature: float = 0.0,
        seed: int = 0,
        mask_ms: list[float] | None = None,
    ) -> Iterator[str]:
        """Yield the pieces of an answer to the prompt `tokens` that fits the JSON `schema`.

        It yields at least an empty piece a step, so that the caller may stop it; at most `most` steps. What
        each mask cost goes to `mask_ms`.
        """
        grammar = llguidance.LLMatcher.grammar_from_json_schema(
            json.dumps(schema), overrides={"whitespace_flexible": False}
        )
        matcher = llguidance.LLMatcher(self._grammar, grammar)
        if matcher.get_error():
            raise NoMind(f"the schema must be one that llguidance takes: {matcher.get_error()[:160]}")
        random = np.random.default_rng(seed)
        logits = torch.empty(0)
        for read in self._read_along(tokens):
            logits = read
            yield ""
        written: list[int] = []
        shown = ""
        for _ in range(most):
            began_s = time.perf_counter()
            allowed = allowed_tokens(matcher, self.vocabulary)
            if mask_ms is not None:
                mask_ms.append(1e3 * (time.perf_counter() - began_s))
            token = _choice(logits, allowed, temperature, random)
            if not matcher.consume_token(token):
                break
            written.append(token)
            text = self.tokenizer.decode(written, skip_special_tokens=True)
            if text.endswith("\ufffd"):  # half of a character
                yield ""
            else:
                yield text[len(shown) :]
                shown = text
            if matcher.is_stopped():
                break
            logits = self._step([token])

    def likelihoods(self, tokens: Sequence[int], answers: Sequence[Sequence[int]]) -> list[float]:
        """Return the mean log-likelihood per token of each of `answers` after the prompt `tokens`.

        All are read in one batch after one reading of the prompt.
        """
        first = torch.log_softmax(self.read(tokens), dim=-1)
        longest = max(len(answer) for answer in answers)
        rows = torch.zeros((len(answers), longest), dtype=torch.long)
        for row, answer in enumerate(answers):
            rows[row, : len(answer)] = torch.tensor(list(answer))
        branch = self._branched(len(answers))
        with torch.inference_mode():
            out = self.model(input_ids=rows, past_key_values=branch, use_cache=True)
        following = torch.log_softmax(out.logits.float(), dim=-1)
        found = []
        for row, answer in enumerate(answers):
            chosen = following[row, :-1].gather(1, rows[row, 1:, None])[: len(answer) - 1]
            found.append(float((first[answer[0]] + chosen.sum()) / len(answer)))
        return found

    def _branched(self, count: int) -> Any:
        """Return the kept keys and values `count` times; what is kept stays as it is."""
        branch: Any = transformers.DynamicCache(config=self.model.config)
        for number, layer in enumerate(self._cache.layers):
            branch.update(
                layer.keys.expand(count, -1, -1, -1), layer.values.expand(count, -1, -1, -1), number
            )
        return branch


def allowed_tokens(matcher: Any, vocabulary: int) -> torch.Tensor:
    """Return which tokens may come next, (V,) of bool: llguidance's bits, undone by numpy."""
    words = np.zeros((vocabulary + 31) // 32, dtype=np.int32)
    matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little", count=vocabulary)
    return torch.from_numpy(bits.view(np.bool_))


def _choice(logits: torch.Tensor, allowed: torch.Tensor, temperature: float, random: Any) -> int:
    masked = logits.masked_fill(~allowed[: logits.shape[-1]], -torch.inf)
    if temperature <= 0.0:
        return int(masked.argmax())
    shares = torch.softmax(masked / temperature, dim=-1).double().numpy()
    return int(random.choice(len(shares), p=shares / shares.sum()))


def _in_common(before: Sequence[int], now: Sequence[int]) -> int:
    same = 0
    with contextlib.suppress(IndexError):
        while before[same] == now[same]:
            same += 1
    return same
