"""Encoders: what goes in comes out of a decoder, when and as asked."""

from __future__ import annotations

import io

import av
import numpy as np
import numpy.typing as npt
import pytest

from vr_world.rendering.encoder import Encoder, JpegEncoder
from vr_world.rendering.errors import NoEncoder
from vr_world.rendering.focus import regions
from vr_world.rendering.view import View, widened


def a_picture(shift: int, width: int = 256, height: int = 128) -> npt.NDArray[np.uint8]:
    """A smooth picture, no two shifts alike."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    out = np.full((height, width, 4), 255, np.uint8)
    out[..., 0] = 128 + 100 * np.sin((x + shift) / 23.0)
    out[..., 1] = 128 + 100 * np.cos((y + 2 * shift) / 31.0)
    out[..., 2] = (x + y) * 200 // (width + height) + 20
    return out


def an_encoder(codec: str, width: int = 256, height: int = 128) -> Encoder:
    return Encoder(
        codecs=(codec,), width=width, height=height, rate_hz=30.0, bitrate_bps=8_000_000, threads=1
    )


def decoded(codec: str, packets: list[bytes]) -> list[npt.NDArray[np.uint8]]:
    decoder = av.CodecContext.create(codec, "r")
    decoder.thread_count = 1
    frames = []
    for packet in packets:
        frames += decoder.decode(av.Packet(packet))
    frames += decoder.decode(None)
    return [f.reformat(format="bgra", src_colorspace=1).to_ndarray() for f in frames]


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_each_picture_comes_back_as_it_was(codec: str) -> None:
    encoder = an_encoder(codec)
    assert encoder.codec == codec
    pictures = [a_picture(i) for i in range(6)]
    made = [encoder.encode(encoder.convert(p), i / 30.0) for i, p in enumerate(pictures)]
    back = decoded(codec, [m[0] for m in made])
    assert len(back) == len(pictures)
    for sent, got in zip(pictures, back, strict=True):
        assert np.abs(sent[..., :3].astype(int) - got[..., :3]).mean() < 5.0


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_the_first_frame_is_a_key_frame_and_later_ones_only_on_request(codec: str) -> None:
    encoder = an_encoder(codec)
    keys = []
    for i in range(40):
        if i == 25:
            encoder.ask_key()
        keys.append(encoder.encode(encoder.convert(a_picture(i)), i / 30.0)[1])
    assert [i for i, key in enumerate(keys) if key] == [0, 25]


def test_decoding_can_begin_at_a_requested_key_frame() -> None:
    encoder = an_encoder("h264")
    made = []
    for i in range(10):
        if i == 6:
            encoder.ask_key()
        made.append(encoder.encode(encoder.convert(a_picture(i)), i / 30.0)[0])
    assert made[6].startswith(b"\x00\x00\x00\x01")
    kinds = [
        made[6][i + 4] & 0x1F for i in range(len(made[6]) - 4) if made[6][i : i + 4] == b"\x00\x00\x00\x01"
    ]
    assert {7, 8} <= set(kinds), "parameter sets come again with a key frame"
    back = decoded("h264", made[6:])
    assert len(back) == 4
    assert np.abs(back[0][..., :3].astype(int) - a_picture(6)[..., :3]).mean() < 5.0


def test_the_stream_is_constrained_baseline() -> None:
    encoder = an_encoder("h264")
    packet = encoder.encode(encoder.convert(a_picture(0)), 0.0)[0]
    sps = packet.index(b"\x67")
    assert packet[sps + 1] == 66


def test_unknown_codecs_and_wrong_sizes_are_refused() -> None:
    with pytest.raises(NoEncoder, match="theora"):
        an_encoder("theora")
    with pytest.raises(ValueError, match=r"must be \(128, 256, 4\)"):
        an_encoder("h264").convert(a_picture(0, width=64))


def test_the_second_codec_is_taken_where_the_first_is_unknown() -> None:
    encoder = Encoder(codecs=("av2", "vp9"), width=128, height=64, rate_hz=30.0, bitrate_bps=1_000_000)
    assert encoder.codec == "vp9"


def test_an_encoder_tells_why_a_better_one_is_not_used() -> None:
    encoder = an_encoder("h264")
    first, *rest = encoder.detail.split(" ", 1)
    assert first == encoder.library
    if first == "h264_nvenc":  # a machine with the card
        assert rest == []
    else:
        assert first == "libx264"
        assert rest[0].startswith("(h264_nvenc: ")
    assert encoder.encode(encoder.convert(a_picture(0)), 0.0)[1]


def test_with_a_focus_the_middle_is_better_for_fewer_bits() -> None:
    """Noise that nothing predicts, at the product's field of view: what the encoder spends where is seen."""
    size = 320
    chance = np.random.default_rng(5)
    pictures = [
        np.repeat(np.repeat(chance.integers(90, 160, (size // 2, size, 4), np.uint8), 2, 0), 2, 1)
        for _ in range(4)
    ]
    tan = widened((1.0, 1.0, 1.0, 1.0), 12.0)
    focus = regions(View(tan_left=tan, tan_right=tan), 12.0, size, size)
    middle, rim = focus[0], focus[-1]
    error, bits = {}, {}
    for name, wanted in (("even", ()), ("focused", focus)):
        encoder = Encoder(codecs=("h264",), width=2 * size, height=size, rate_hz=30.0, bitrate_bps=80_000_000)
        encoder.aim(wanted)
        if encoder.library != "libx264":
            pytest.skip(f"{encoder.library} takes no regions")
        made = [encoder.encode(encoder.convert(p), i / 30.0)[0] for i, p in enumerate(pictures)]
        bits[name] = sum(map(len, made))
        off = np.abs(decoded("h264", made)[-1][..., :3].astype(float) - pictures[-1][..., :3])
        rows = slice(middle.top, middle.top + middle.height)
        columns = slice(middle.left, middle.left + middle.width)
        error[name] = off[rows, columns].mean()
    assert rim.coarser > 0.0
    assert bits["focused"] < bits["even"]
    assert error["focused"] < error["even"]


def test_the_mirror_is_a_jpeg_of_its_side_even_from_half_a_picture() -> None:
    picture = a_picture(3, width=512, height=256)
    jpeg = JpegEncoder(120).encode(picture[:, :256])
    with av.open(io.BytesIO(jpeg), format="jpeg_pipe") as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (120, 120)
    assert np.abs(frame.to_ndarray(format="bgra")[60, 60, :3].astype(int) - picture[128, 128, :3]).max() < 25
