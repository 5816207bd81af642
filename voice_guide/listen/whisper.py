"""Speech to text: any Whisper that transformers loads, made quick for the short sentences of a conversation.

Whisper pads everything to 30 s. Here the window is `max(8 s, length + 4 s)`: the encoder runs on as many
positions as there is sound, and the decoder, greedy, has its own short loop with a guard
(`_decoding.py`; decision 0026). Where the guard strikes, the full 30 s are tried once.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from voice_guide.errors import BadModel, BadSpeech, NoVoiceStack
from voice_guide.listen._decoding import confidence_of, loop_start, token_cap
from voice_guide.listen.transcript import RATE_HZ, Samples, Transcriber, Transcript, Word

__all__ = ["Precision", "WhisperTranscriber", "load_transcriber"]

Precision: TypeAlias = Literal["int8", "float32"]

#: Shorter windows make Whisper loop; 8 s and 4 s of room were measured (decision 0026).
_LEAST_S: Final = 8.0
_ROOM_S: Final = 4.0
_FULL_S: Final = 30.0
#: A position of the encoder is two frames of 10 ms.
_POSITION_S: Final = 0.02
#: Below this there is nothing to hear; Whisper would invent "Thank you."
_SHORTEST_S: Final = 0.2
_SILENT: Final = 1e-4
#: Surer than this that nobody speaks, with unsure words: nothing was said (openai/whisper's own thresholds).
_NO_SPEECH: Final = 0.6
_UNSURE_LOG: Final = -1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """Tokens of one decoding, each with its log probability."""

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    no_speech: float
    looped: bool


def load_transcriber(
    folder: Path, *, language: str | None = "en", precision: Precision = "int8", threads: int = 1
) -> Transcriber:
    """Load a Whisper from a transformers folder; takes one or two seconds.

    Nothing comes from the network: the hub is switched off for this process (`HF_HUB_OFFLINE`).

    Args:
        folder: with `config.json`, `model.safetensors`, tokenizer and feature extractor.
        language: of the speech, a two-letter code the model knows (`en`, `de`); `None` detects it each time.
        precision: `int8` is quickest on a processor.
        threads: of the whole process, for torch.

    Raises:
        BadModel: no Whisper there, or it does not know the language.
        NoVoiceStack: torch or transformers is not installed.
    """
    if not (folder / "config.json").is_file():
        raise BadModel(f"{folder} must hold a Whisper in transformers' form, found no config.json")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import torch  # noqa: PLC0415  # an extra, and slow to import
        from transformers import WhisperForConditionalGeneration, WhisperProcessor  # noqa: PLC0415
        from transformers.utils import logging  # noqa: PLC0415
    except ImportError as error:
        raise NoVoiceStack(error.name or str(error)) from error
    torch.set_num_threads(threads)
    logging.disable_progress_bar()
    try:
        processor = WhisperProcessor.from_pretrained(folder, local_files_only=True)
        model = WhisperForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise BadModel(f"{folder} does not load as a Whisper: {str(error).splitlines()[0]}") from error
    return WhisperTranscriber(model.eval(), processor, language=language, precision=precision)


class WhisperTranscriber:
    """A loaded Whisper. One thread at a time."""

    def __init__(self, model: Any, processor: Any, *, language: str | None, precision: Precision) -> None:
        settings = model.generation_config
        self._languages: dict[str, int] = {
            token.strip("<|>"): number
            for token, number in (getattr(settings, "lang_to_id", None) or {}).items()
        }
        if language not in (None, *(self._languages or ("en",))):
            raise BadModel(f"language must be one that the model knows, such as en or de, got {language!r}")
        if precision == "int8":
            from voice_guide.listen._int8 import quantise  # noqa: PLC0415  # imports torch

            quantise(model)
        self._model, self._processor = model, processor
        self._language = language if self._languages else "en"
        self._start: int = model.config.decoder_start_token_id
        self._end: int = model.config.eos_token_id
        # What comes before the words. A Whisper for English alone (`….en`) knows neither languages nor tasks.
        self._task: list[int] = [settings.no_timestamps_token_id]
        if self._languages:
            self._task.insert(0, settings.task_to_id["transcribe"])
        # "No speech" stands before "no timestamps" in every Whisper's vocabulary.
        self._no_speech: int = settings.no_timestamps_token_id - 1
        self._never: list[int] = list(settings.suppress_tokens or ())
        self._not_first: list[int] = list(settings.begin_suppress_tokens or ())

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the model knows, two-letter codes."""
        return tuple(self._languages) or ("en",)

    def transcribe(self, pcm: Samples) -> Transcript:
        """Return what is said in `pcm` (shape (n,), 16 kHz); of more than 30 s the last 30 s.

        Raises:
            BadSpeech: not one-dimensional, or not finite.
        """
        import torch  # noqa: PLC0415  # loaded by now

        started_s = time.perf_counter()
        if pcm.ndim != 1 or not np.isfinite(pcm).all():
            raise BadSpeech("sound", "one channel of finite samples", f"shape {pcm.shape}")
        pcm = pcm[-int(_FULL_S * RATE_HZ) :]
        seconds = len(pcm) / RATE_HZ
        if seconds < _SHORTEST_S or float(np.abs(pcm).max()) < _SILENT:
            return Transcript(text="", confidence=0.0, language=self._language or "en")
        with torch.inference_mode():
            heard = self._encode(pcm, max(_LEAST_S, seconds + _ROOM_S))
            language = self._language or self._detect(heard)
            decoded = self._decode(heard, language, token_cap(seconds, self._most_tokens))
            if decoded.looped and seconds + _ROOM_S < _FULL_S:
                full = self._encode(pcm, _FULL_S)
                decoded = self._decode(full, language, token_cap(seconds, self._most_tokens))
        return self._told(decoded, language, time.perf_counter() - started_s)

    @property
    def _most_tokens(self) -> int:
        # Half of the positions: the other half is for a prompt, which we do not give.
        return int(self._model.config.max_target_positions) // 2

    def _encode(self, pcm: Samples, window_s: float) -> Any:
        """Return the encoder's states, shape (1, positions, width), of `pcm` padded to `window_s`.

        The encoder's own `forward` insists on 30 s; this is the same with fewer positions, and changes
        nothing in the model.
        """
        import torch  # noqa: PLC0415

        positions = math.ceil(min(window_s, _FULL_S) / _POSITION_S)
        wanted = round(positions * _POSITION_S * RATE_HZ)
        padded = np.zeros(wanted, np.float32)
        padded[: min(len(pcm), wanted)] = pcm[:wanted]
        features = self._processor.feature_extractor(
            padded, sampling_rate=RATE_HZ, padding="do_not_pad", return_tensors="pt"
        ).input_features
        encoder = self._model.model.encoder
        x = torch.nn.functional.gelu(encoder.conv1(features))
        x = torch.nn.functional.gelu(encoder.conv2(x)).permute(0, 2, 1)
        x = x + encoder.embed_positions.weight[: x.shape[1]]
        for layer in encoder.layers:
            x = layer(x, None)
        return encoder.layer_norm(x)

    def _step(self, tokens: list[int], heard: Any, past: Any) -> tuple[Any, Any]:
        """Return the logits after each of `tokens`, shape (tokens, vocabulary), and the decoder's memory."""
        import torch  # noqa: PLC0415

        out = self._model.model.decoder(
            input_ids=torch.tensor([tokens]),
            encoder_hidden_states=heard,
            past_key_values=past,
            use_cache=True,
        )
        return self._model.proj_out(out.last_hidden_state[0]), out.past_key_values

    def _detect(self, heard: Any) -> str:
        logits = self._step([self._start], heard, None)[0][-1]
        names = list(self._languages)
        return names[int(logits[[self._languages[name] for name in names]].argmax())]

    def _decode(self, heard: Any, language: str, cap: int) -> _Decoded:
        """Decode greedily until the end token, `cap` tokens, or a loop."""
        spoken = [self._languages[language]] if self._languages else []
        steps, past = self._step([self._start, *spoken, *self._task], heard, None)
        no_speech = float(steps[0].softmax(dim=-1)[self._no_speech])
        tokens: list[int] = []
        certain: list[float] = []
        loop: int | None = None
        while True:
            logits = steps[-1]
            logits[self._never] = -math.inf
            if not tokens:
                logits[self._not_first] = -math.inf
            token = int(logits.argmax())
            certain.append(float(logits[token] - logits.logsumexp(dim=-1)))
            if token == self._end:
                break
            tokens.append(token)
            loop = loop_start(tokens)
            if loop is not None or len(tokens) >= cap:
                break
            steps, past = self._step([token], heard, past)
        kept = len(tokens) if loop is None else loop
        return _Decoded(
            tokens=tuple(tokens[:kept]),
            log_probabilities=tuple(certain[: kept + 1]),
            no_speech=no_speech,
            looped=loop is not None or len(tokens) >= cap,
        )

    def _told(self, decoded: _Decoded, language: str, took_s: float) -> Transcript:
        words = self._words(decoded)
        mean = sum(decoded.log_probabilities) / max(len(decoded.log_probabilities), 1)
        if not words or (decoded.no_speech > _NO_SPEECH and mean < _UNSURE_LOG):
            return Transcript(text="", confidence=0.0, took_s=took_s, language=language)
        return Transcript(
            text=" ".join(word.text for word in words),
            confidence=confidence_of(decoded.log_probabilities, decoded.no_speech),
            words=words,
            took_s=took_s,
            language=language,
            looped=decoded.looped,
        )

    def _words(self, decoded: _Decoded) -> tuple[Word, ...]:
        """Group tokens into words: a word begins where a decoded token begins with a space."""
        tokenizer = self._processor.tokenizer
        groups: list[list[int]] = []
        for number, token in enumerate(decoded.tokens):
            if not groups or tokenizer.decode([token]).startswith(" "):
                groups.append([])
            groups[-1].append(number)
        words = []
        for group in groups:
            text = tokenizer.decode([decoded.tokens[number] for number in group]).strip()
            if text:
                mean = sum(decoded.log_probabilities[number] for number in group) / len(group)
                words.append(Word(text=text, confidence=math.exp(min(mean, 0.0))))
        return tuple(words)
