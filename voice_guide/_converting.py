"""Conversions into folders that transformers loads: Whisper from CTranslate2, Llama-like models from GGUF.

Done once, at installation: reading a GGUF takes 20 s at every start, a safetensors folder one or two, and a
CTranslate2 file is not read by transformers at all.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from voice_guide.errors import BadModel, NoVoiceStack

__all__ = ["convert"]

#: Of the `dtype` byte of a CTranslate2 variable (its `DataType` enumeration); others do not occur here.
_CT2_TYPES: Final = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_CT2_VERSION: Final = 6


def convert(making: Literal["copy", "whisper_ct2", "gguf"], sources: Mapping[str, Path], made: Path) -> None:
    """Write a transformers folder into `made` from `sources` (what a converter calls a file → where it is).

    Raises:
        BadModel: the weights are not laid out as expected.
        NoVoiceStack: torch, transformers or gguf is not installed.
    """
    try:
        if making == "whisper_ct2":
            _whisper(sources, made)
        else:
            _gguf(sources["model.gguf"], made)
    except ImportError as error:
        raise NoVoiceStack(error.name or str(error)) from error


def _gguf(file: Path, made: Path) -> None:
    import torch  # noqa: PLC0415  # an extra, and slow to import
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
    where = {"gguf_file": file.name, "local_files_only": True}
    AutoTokenizer.from_pretrained(file.parent, **where).save_pretrained(made)
    model = AutoModelForCausalLM.from_pretrained(
        file.parent,
        quantization_config=GgufConfig(gguf_file=file.name, dequantize=True),
        dtype=torch.bfloat16,
        **where,
    )
    model.save_pretrained(made)


def _whisper(sources: Mapping[str, Path], made: Path) -> None:
    import torch  # noqa: PLC0415  # an extra, and slow to import
    from safetensors.torch import save_file  # noqa: PLC0415

    weights = dict(_ct2_variables(sources["part1"].read_bytes() + sources["part2"].read_bytes()))
    tensors = {
        name: torch.from_numpy(array.copy()) for name, array in _whisper_tensors(weights) if array.ndim > 0
    }
    save_file(tensors, made / "model.safetensors", metadata={"format": "pt"})
    _whisper_settings(tensors, json.loads(sources["config.json"].read_text(encoding="utf-8")), sources, made)


def _ct2_variables(data: bytes) -> Iterator[tuple[str, Any]]:
    """Yield name and array (a view of `data`) of each variable of a CTranslate2 model file.

    Layout: u32 version; string spec; u32 revision; u32 count; then per variable string name, u8 rank,
    u32 × rank shape, u8 type, u32 bytes, data. A string is a u16 length and that many bytes with a final 0.
    """
    import numpy as np  # noqa: PLC0415  # beside its only use

    offset = 0

    def number(kind: Literal["B", "H", "I"]) -> int:
        nonlocal offset
        (value,) = struct.unpack_from(f"<{kind}", data, offset)
        offset += struct.calcsize(kind)
        return int(value)

    def text() -> str:
        nonlocal offset
        length = number("H")
        offset += length
        return data[offset - length : offset].rstrip(b"\0").decode()

    version, spec, _revision = number("I"), text(), number("I")
    if version != _CT2_VERSION or spec != "WhisperSpec":
        raise BadModel(f"a CTranslate2 file must be WhisperSpec version {_CT2_VERSION}, got {spec} {version}")
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind, length = number("B"), number("I")
        if kind not in _CT2_TYPES:
            raise BadModel(f"type of {name} must be one of {', '.join(map(str, _CT2_TYPES))}, got {kind}")
        kind_name = _CT2_TYPES[kind]
        count = length // np.dtype(kind_name).itemsize
        yield name, np.frombuffer(data, kind_name, count, offset).reshape(shape)
        offset += length


#: CTranslate2's part of a layer → transformers' parts of it: fused projections are split along rows.
_ATTENTION: Final = {
    "self_attention/layer_norm": ("self_attn_layer_norm",),
    "self_attention/linear_0": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention/linear_1": ("self_attn.out_proj",),
    "attention/layer_norm": ("encoder_attn_layer_norm",),
    "attention/linear_0": ("encoder_attn.q_proj",),
    "attention/linear_1": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "attention/linear_2": ("encoder_attn.out_proj",),
    "ffn/layer_norm": ("final_layer_norm",),
    "ffn/linear_0": ("fc1",),
    "ffn/linear_1": ("fc2",),
}
_TOP: Final = {
    "embeddings": "embed_tokens",
    "position_encodings": "embed_positions",
    "layer_norm": "layer_norm",
    "conv1": "conv1",
    "conv2": "conv2",
}
_LEAF: Final = {"gamma": "weight", "beta": "bias", "encodings": "weight", "weight": "weight", "bias": "bias"}


def _whisper_tensors(weights: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield transformers' name and array of each tensor of a Whisper model."""
    for name, array in weights.items():
        half, *middle, leaf = name.split("/")
        if leaf not in _LEAF:
            continue  # settings of CTranslate2: number of heads, activation
        if middle[0] in _TOP:
            yield f"model.{half}.{_TOP[middle[0]]}.{_LEAF[leaf]}", array
            continue
        layer = int(middle[0].removeprefix("layer_"))
        parts = _ATTENTION["/".join(middle[1:])]
        rows = array.shape[0] // len(parts)
        for number, part in enumerate(parts):
            if part.endswith("k_proj") and leaf == "bias":
                continue  # Whisper's keys have none; the fused vector holds zeros there
            piece = array[number * rows : (number + 1) * rows]
            yield f"model.{half}.layers.{layer}.{part}.{_LEAF[leaf]}", piece


def _whisper_settings(
    tensors: Mapping[str, Any], ct2: Mapping[str, Any], sources: Mapping[str, Path], made: Path
) -> None:
    """Write configuration, tokenizer and feature extractor, sizes taken from the tensors."""
    from transformers import (  # noqa: PLC0415
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperTokenizer,
    )

    vocabulary, width = tensors["model.decoder.embed_tokens.weight"].shape
    layers = {
        half: sum(f"{half}.layers." in n and n.endswith("fc1.bias") for n in tensors) for half in _HALVES
    }
    mel_bins = tensors["model.encoder.conv1.weight"].shape[1]
    tokenizer = WhisperTokenizer.from_pretrained(sources["tokenizer.json"].parent, local_files_only=True)
    tokenizer.save_pretrained(made)
    ids = {token.content: number for number, token in tokenizer.added_tokens_decoder.items()}
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    tokens = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
    WhisperConfig(
        architectures=["WhisperForConditionalGeneration"],
        vocab_size=vocabulary,
        d_model=width,
        num_mel_bins=mel_bins,
        encoder_layers=layers["encoder"],
        decoder_layers=layers["decoder"],
        encoder_attention_heads=width // _HEAD,
        decoder_attention_heads=width // _HEAD,
        encoder_ffn_dim=tensors["model.encoder.layers.0.fc1.bias"].shape[0],
        decoder_ffn_dim=tensors["model.decoder.layers.0.fc1.bias"].shape[0],
        max_source_positions=tensors["model.encoder.embed_positions.weight"].shape[0],
        max_target_positions=tensors["model.decoder.embed_positions.weight"].shape[0],
        dtype="float16",
        **tokens,
    ).save_pretrained(made)
    GenerationConfig(
        is_multilingual=True,
        lang_to_id={token: n for token, n in ids.items() if n in set(ct2["lang_ids"])},
        task_to_id={"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]},
        no_timestamps_token_id=ids["<|notimestamps|>"],
        alignment_heads=ct2["alignment_heads"],
        suppress_tokens=ct2["suppress_ids"],
        begin_suppress_tokens=ct2["suppress_ids_begin"],
        max_length=tensors["model.decoder.embed_positions.weight"].shape[0],
        **tokens,
    ).save_pretrained(made)
    WhisperFeatureExtractor(feature_size=mel_bins).save_pretrained(made)


_HALVES: Final = ("encoder", "decoder")
#: Width of an attention head, the same in every Whisper.
_HEAD: Final = 64
