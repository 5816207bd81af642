"""Rendering and listening for the tests. Renders run in a process of their own: pyo can crash one."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from scipy import signal

from therapy.controls import TABLE, Controls

RATE_HZ = 48_000
Sound = npt.NDArray[np.float32]
#: Calls a function of this module in the sound process.
Apart = Callable[..., Any]

#: Roles of the score that carry the tune.
TUNE = ("bell", "answer")
#: Tonal instruments alone, without the breath: what a scale or a timbre is measured on.
BARE = Controls(ocean=0.0, wind=0.0, rain=0.0, fire=0.0, birds=0.0, pulse=0.0, swell=0.0)


def plain(seconds: float, steps: Sequence[tuple[float, Controls]], seed: int = 3, **options: Any) -> Sound:
    """Render controls that change in steps: (from this time on, these)."""
    from audio_engine.offline import render

    def controls_at(at_s: float) -> Controls:
        return [c for since_s, c in steps if since_s <= at_s][-1]

    return render(controls_at, seconds, seed, **options)


def paced(seconds: float, controls: Controls, seed: int = 3, **options: Any) -> Sound:
    """Render with a pacer that runs as a room's does: phase from time and pace."""
    from audio_engine.offline import render

    def controls_at(at_s: float) -> Controls:
        return dataclasses.replace(controls, pacer_phase=at_s * controls.breath_pace_per_min / 60.0 % 1.0)

    return render(controls_at, seconds, seed, follow_pacer=True, **options)


def digest(seconds: float, seed: int) -> str:
    return hashlib.md5(plain(seconds, [(0.0, Controls())], seed).tobytes()).hexdigest()


def with_notes(seconds: float, controls: Controls) -> tuple[Sound, list[Any]]:
    notes: list[Any] = []
    return plain(seconds, [(0.0, controls)], on_note=notes.append), notes


def resting(seconds: float, controls: Controls) -> tuple[Sound, list[Any], list[tuple[bool, float]]]:
    """Play; return the sound, what was announced, and when `resting` changed (from what it was at first)."""
    from audio_engine.engine import Engine

    engine = Engine(seed=3, scene="ocean", controls=controls, start_bar=6.0)
    engine.fade(1.0, 0.1)
    blocks: list[Sound] = []
    rests: list[Any] = []
    flags: list[tuple[bool, float]] = []
    for k in range(round(seconds * 100)):
        block = engine.block(k * 0.01)
        blocks.append(block.frames)
        rests += [block.rest] if block.rest is not None else []
        if not flags or flags[-1][0] != engine.resting:
            flags.append((engine.resting, k * 0.01))
    engine.close()
    return np.concatenate(blocks), rests, flags


@dataclasses.dataclass(frozen=True)
class Storm:
    """What a storm was; `sharpest_dbfs` is its peak above 8 kHz, `steady_dbfs` that of unsteered sounds."""

    sound: Sound
    refused: int
    sharpest_dbfs: float
    steady_dbfs: float
    overdue_notes: int
    grown_mb: float


def storm(seconds: float, seed: int) -> Storm:
    """Fifty absurd changes a second, straight into the engine, then ten seconds of calm."""
    import psutil

    from audio_engine.engine import Engine

    rng = random.Random(seed)
    bad = (float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 0.0, None, "x", True, 10**400)

    def anything(share_bad: float) -> Controls:
        changes: dict[str, Any] = {
            name: rng.choice(bad) if rng.random() < share_bad else rng.uniform(limit.low, limit.high)
            for name, limit in TABLE.items()
        }
        changes["mode"] = rng.choice(["dorian", "lydian", "minor_pentatonic"])
        if rng.random() < share_bad:
            changes["mode"] = rng.choice(["nonsense", None])
        return dataclasses.replace(Controls(), **changes)

    steady_dbfs = max(high_peak_dbfs(plain(4.0, [(0.0, anything(0.0))], 1)) for _ in range(14))
    engine = Engine(seed=seed, scene="ocean", controls=Controls())
    engine.fade(1.0, 0.1)
    blocks, refused, memory = [], 0, []
    for k in range(round(seconds * 100)):
        at_s = k * 0.01
        if k % 2 == 0:
            engine.steer(anything(0.3), at_s)
            refused += bool(engine.door.refusals)
        if k % 50 == 0:
            engine.fade(rng.choice((0.0, 1.0, 1.0, float("nan"), 7.0)), rng.choice((0.0, 0.25, float("inf"))))
            engine.duck(at_s, rng.choice((at_s + 0.2, float("nan"))), rng.choice((10.0, 99.0)), at_s)
        if k % 100 == 0:
            memory.append(psutil.Process().memory_info().rss / 1e6)
        blocks.append(engine.block(at_s).frames)
    for k in range(1000):
        engine.block(seconds + k * 0.01)
    overdue = engine.overdue_notes
    engine.close()
    sound = np.concatenate(blocks)
    return Storm(
        sound=sound,
        refused=refused,
        sharpest_dbfs=high_peak_dbfs(sound),
        steady_dbfs=steady_dbfs,
        overdue_notes=overdue,
        grown_mb=memory[-1] - memory[len(memory) // 2],
    )


@dataclasses.dataclass(frozen=True)
class Lived:
    """A session as the room got it: hashes of the bed, the place apart and the packets, and the notes."""

    bed: str
    place: str
    packets: str
    notes: tuple[Any, ...]


def lived(seed: int) -> Lived:
    """Play a short session as a room would: stages, a change of place, words, a place apart, a pause."""
    from audio_engine.engine import Engine
    from audio_engine.opus import OpusEncoder, PlaceEncoder
    from therapy.specs import PLAIN, Ambience, Palette

    other = Palette(
        instruments={"pad": "choir", "bell": "flute"},
        soundscapes=(Ambience(name="stream"), Ambience(name="birds", least=0.3)),
    )
    stages = (
        (0.0, Controls(tempo_bpm=72.0, arc=0.05, notes_per_s=1.5, ocean=0.7)),
        (3.0, Controls(tempo_bpm=60.0, arc=0.3, mode="lydian", birds=0.4)),
        (6.0, Controls(tempo_bpm=52.0, arc=0.6, tension=0.7, silence=0.4, brightness=0.2, rain=0.5)),
        (9.0, Controls(tempo_bpm=66.0, arc=0.9, mode="major_pentatonic", pulse=0.8)),
    )
    engine = Engine(seed=seed, scene="ocean", controls=stages[0][1], palette=PLAIN, start_bar=3.25)
    engine.fade(1.0, 0.4)
    bed, place, packed = hashlib.md5(), hashlib.md5(), hashlib.md5()
    encoder, place_encoder, notes = OpusEncoder(), PlaceEncoder(), []
    for k in range(1200):
        at_s = k * 0.01
        if k % 5 == 0:
            controls = [c for since_s, c in stages if since_s <= at_s][-1]
            phase = at_s * controls.breath_pace_per_min / 60.0 % 1.0
            engine.steer(dataclasses.replace(controls, pacer_phase=phase), at_s)
        if k == 200:
            engine.duck(2.5, 3.5, 10.0, at_s)
        if k == 400:
            engine.place(other, 1.0)
        if k == 500:
            engine.master.set_apart(on=True)
        if k == 800:
            engine.place(PLAIN, 0.5)
        block = engine.block(at_s)
        bed.update(block.frames.tobytes())
        packed.update(encoder.encode(block.frames))
        if block.place is not None:
            place.update(block.place.tobytes())
            packed.update(b"".join(place_encoder.encode(block.place)))
        notes += block.notes
    engine.close()
    return Lived(bed.hexdigest(), place.hexdigest(), packed.hexdigest(), tuple(notes))


def broken() -> tuple[str, list[Any]]:
    """Let a player's synthesis make a NaN after three blocks; return the error and what the room got."""
    import multiprocessing

    from audio_engine.errors import EngineBroken
    from audio_engine.messages import AudioConfig
    from audio_engine.player import Player

    ours, theirs = multiprocessing.Pipe(duplex=True)
    config = AudioConfig(seed=1, gain=1.0, fade_in_s=0.01)
    player = Player(theirs, config)
    player.begin(config)
    engine = player._engine
    process, calls = engine._server.process, iter(range(100))

    def breaking() -> None:
        process()
        if next(calls) == 3:
            engine._dry[100, 1] = np.nan

    engine._server.process = breaking
    error = ""
    try:
        player.run()
    except EngineBroken as broke:
        error = str(broke)
    finally:
        player.close()
    heard = []
    while ours.poll():
        heard.append(ours.recv())
    return error, heard


def tail_of_silence() -> dict[str, float]:
    """Let a filter ring down for a while; return how loud it was and how many samples became subnormal."""
    from audio_engine._pyo import pyo
    from audio_engine.synth import Synth

    synth = Synth(1)
    noise = pyo.Noise(mul=0.3)
    ringing = pyo.Biquad(noise, freq=40.0, q=1.0).out()
    blocks = [synth.process()[:, 0].copy() for _ in range(20)]
    noise.stop()
    blocks += [synth.process()[:, 0].copy() for _ in range(400)]
    sizes = np.abs(np.concatenate(blocks))
    least = np.finfo(np.float32).tiny
    del ringing, noise
    synth.close()
    return {"sounding": float(sizes.max()), "subnormal": int(((sizes > 0.0) & (sizes < least)).sum())}


def commanded(folder: Path, seed: int) -> tuple[bytes, bytes]:
    """Run `stillwater sound` for a second of a story; return the WAV and the MIDI file that it wrote."""
    from vr_world.commands.offline import sound

    wav, notes = folder / "sound.wav", folder / "sound.mid"
    sound(out=wav, seconds=1.0, seed=seed, scene="forest", story="settle", midi=notes)
    return wav.read_bytes(), notes.read_bytes()


@dataclasses.dataclass(frozen=True)
class Collected:
    """When Python looked for garbage while an audio process played."""

    inside_blocks: int
    between_blocks: int
    blocks: int


def collections(*, enabled: bool) -> Collected:
    """Play as the audio process does, each block leaving much garbage; `enabled`: as if left turned on."""
    import gc
    import multiprocessing
    import threading

    from audio_engine import process
    from audio_engine.engine import Engine
    from audio_engine.messages import AudioConfig, Shutdown

    ours, theirs = multiprocessing.Pipe(duplex=True)
    seen = {"inside": 0, "between": 0, "blocks": 0}
    within = False
    made = Engine.block

    def littering(self: Engine, play_at_s: float) -> Any:
        nonlocal within
        within = True
        if enabled:
            gc.enable()
        for _ in range(300):
            ring: list[Any] = []
            ring.append(ring)
        block = made(self, play_at_s)
        within = False
        seen["blocks"] += 1
        if seen["blocks"] == 250:
            ours.send(Shutdown())
        return block

    def collecting(phase: str, _info: Any) -> None:
        seen["inside" if within else "between"] += phase == "start" and seen["blocks"] > 0

    def listen() -> None:
        try:
            while True:
                ours.recv()
        except (EOFError, OSError):
            return

    Engine.block = littering  # type: ignore[method-assign]
    gc.callbacks.append(collecting)
    room = threading.Thread(target=listen)
    room.start()
    try:
        process.main(theirs, AudioConfig(seed=1, gain=1.0, realtime=False))
    finally:
        Engine.block = made  # type: ignore[method-assign]
        gc.callbacks.remove(collecting)
        gc.enable()
        gc.unfreeze()
        theirs.close()
        room.join()
    return Collected(seen["inside"], seen["between"], seen["blocks"])


def every_bell(seconds: float, controls: Controls, seed: int) -> tuple[int, int]:
    """Return how many notes of the tune were played and how many the score has in that time."""
    from audio_engine.composer.score import write

    notes: list[Any] = []
    plain(seconds, [(0.0, controls)], seed, on_note=notes.append)
    beats = seconds * controls.tempo_bpm / 60.0
    score = write(f"ocean/{seed}", lambda _beat: controls, int(beats) + 1)
    written = [n for n in score if n.instrument in TUNE and n.start_beats < beats - 0.01]
    played = [n for n in notes if n.instrument in TUNE and n.at_s < seconds - 0.01]
    return len(played), len(written)


def faded(gain_steps: Sequence[tuple[float, float, float]], controls: Controls, seconds: float) -> Sound:
    """Play `controls` with fades (at_s, gain, seconds)."""
    from audio_engine.engine import Engine

    engine = Engine(seed=3, scene="ocean", controls=controls)
    blocks = []
    for k in range(round(seconds * 100)):
        for at_s, gain, fade_s in gain_steps:
            if round(at_s * 100) == k:
                engine.fade(gain, fade_s)
        blocks.append(engine.block(k * 0.01).frames)
    engine.close()
    return np.concatenate(blocks)


def high_peak_dbfs(sound: Sound) -> float:
    """Peak above 8 kHz, where clicks live and soft music does not."""
    sos = signal.butter(8, 8000.0, "highpass", fs=RATE_HZ, output="sos")
    return decibels(float(np.abs(signal.sosfilt(sos, sound, axis=0)).max()))


def click_factor(sound: Sound) -> float:
    """How far the sharpest sample stands out, above 8 kHz, of the 5 ms on each side of it (RMS).

    Music and noise keep under 6, however loud they are; a click among them does not, however soft a passage.
    The 16 samples next to it are left out: the filter rings there. −90 dBFS is the least that counts.
    """
    sos = signal.butter(8, 8000.0, "highpass", fs=RATE_HZ, output="sos")
    high = signal.sosfilt(sos, sound.astype(np.float64), axis=0)
    sums = np.cumsum(np.pad(high * high, ((241, 240), (0, 0))), axis=0)
    wide, near = sums[481:] - sums[:-481], sums[257:-224] - sums[224:-257]
    around = np.maximum(wide - near, 0.0) / (481 - 33)
    return float((np.abs(high) / np.sqrt(around + 1e-9)).max())


def true_peak_dbtp(sound: Sound) -> float:
    return decibels(float(np.abs(signal.resample_poly(sound, 8, 1, axis=0)).max()))


def decibels(value: float) -> float:
    return 20.0 * float(np.log10(max(value, 1e-9)))


def integrated_lufs(sound: Sound) -> float:
    """The oracle: ffmpeg's ebur128."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(format="flt", sample_rate=RATE_HZ, layout="stereo", time_base="1/48000")
    meter = graph.add("ebur128", "metadata=1:framelog=quiet")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    result = -120.0
    for start in range(0, len(sound) - 4799, 4800):
        frame = av.AudioFrame(format="flt", layout="stereo", samples=4800)
        frame.sample_rate, frame.pts = RATE_HZ, start
        frame.planes[0].update(np.ascontiguousarray(sound[start : start + 4800]).tobytes())
        source.push(frame)
        while True:
            try:
                result = float(sink.pull().metadata.get("lavfi.r128.I", result))
            except av.error.BlockingIOError:
                break
    return result


def decode(packets: Sequence[bytes]) -> Sound:
    """Opus packets back to sound (frames, 2)."""
    codec = av.CodecContext.create("libopus", "r")
    codec.sample_rate, codec.layout, codec.format = RATE_HZ, "stereo", "flt"
    codec.open()
    frames = [f for data in packets for f in codec.decode(av.Packet(data))]
    planes = [f.to_ndarray().astype(np.float64) for f in frames]
    scale = 32768.0 if frames[0].format.name.startswith("s16") else 1.0
    flat = [(p.T if p.shape[0] == 2 else p.reshape(-1, 2)) / scale for p in planes]
    return np.concatenate(flat).astype(np.float32)


def power_spectrum(sound: Sound) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Frequencies (n,) in Hz and mean power (n,) of both sides, resolved to 1.5 Hz."""
    hz, power = signal.welch(sound, RATE_HZ, "hann", nperseg=32768, axis=0)
    return hz, power.mean(axis=1)


def centroid_hz(sound: Sound) -> float:
    hz, power = power_spectrum(sound)
    return float((hz * power).sum() / power.sum())


def loudness_curve(sound: Sound) -> npt.NDArray[Any]:
    """Power in dB of each 100 ms."""
    blocks = (sound.astype(np.float64) ** 2).sum(axis=1)
    return 10.0 * np.log10(blocks[: len(blocks) // 4800 * 4800].reshape(-1, 4800).mean(axis=1) + 1e-12)


def notes_without(tags: frozenset[str], controls: Controls, seconds: float) -> set[str]:
    """Return the instruments that began a note while everything with `tags` was left out."""
    from audio_engine.engine import Engine

    engine = Engine(seed=3, scene="ocean", controls=controls)
    engine.exclude(tags)
    heard = set()
    for k in range(round(seconds * 100)):
        heard |= {note.instrument for note in engine.block(k * 0.01).notes}
    engine.close()
    return heard


def parts_without(tags: frozenset[str], palette: Any, controls: Controls, seconds: float) -> set[str]:
    """Return the sounds of the place that are heard while everything with `tags` was left out."""
    from audio_engine.engine import Engine

    engine = Engine(seed=3, scene="ocean", controls=controls, palette=palette)
    engine.exclude(tags)
    for k in range(round(seconds * 100)):
        engine.block(k * 0.01)
    heard = {name for name, part in engine.rack.parts.items() if not part.music and part.level > 0.0}
    engine.close()
    return heard


def voices_without(tags: frozenset[str], palette: Any, seconds: float) -> set[str]:
    """Return the instruments that are up on the desk after a while without everything with `tags`."""
    from audio_engine.engine import Engine

    engine = Engine(seed=3, scene="ocean", controls=Controls(), palette=palette)
    engine.exclude(tags)
    for k in range(round(seconds * 100)):
        engine.block(k * 0.01)
    up = {name for name, part in engine.rack.parts.items() if part.music and part.level > 0.0}
    engine.close()
    return up


def crossings(palettes: Sequence[Any], fade_s: float) -> list[dict[str, tuple[float, float]]]:
    """Go from palette to palette; return when each audible fader moved, from and until, s after the word."""
    from audio_engine.engine import Engine

    def faders() -> dict[tuple[int, str], float]:
        # a part that sleeps reads 0 and is back at its level when it wakes: nothing is heard of that
        named = [*engine.rack.parts.items(), *(("leaving", part) for part, _ in engine.rack._leaving)]
        return {(id(part), name): part._fader.get() if part.awake else part.level for name, part in named}

    # all that sounds in any of them is asked for, and no new note begins
    controls = Controls(ocean=0.5, wind=0.3, rain=0.3, birds=0.3, fire=0.3, notes_per_s=0.0, pulse=0.0)
    engine = Engine(seed=3, scene="ocean", controls=controls, palette=palettes[0])
    blocks = itertools.count()
    for _ in range(80):
        engine.block(next(blocks) * 0.01)
    found: list[dict[str, tuple[float, float]]] = []
    for palette in palettes[1:]:
        engine.place(palette, fade_s)
        before, moved = {part: level for (part, _), level in faders().items()}, {}
        for k in range(round(100 * (fade_s + 1.0))):
            engine.block(next(blocks) * 0.01)
            now = faders()
            for (part, name), level in now.items():
                if abs(level - before.get(part, 0.0)) > 1e-6:
                    began_s, _ = moved.get((part, name), (k * 0.01, 0.0))
                    moved[part, name] = (began_s, k * 0.01)
            before = {part: level for (part, _), level in now.items()}
        found.append({f"{name} {part}": when for (part, name), when in moved.items()})
    engine.close()
    return found


def flutes_held(seconds: float, controls: Controls) -> tuple[list[int], int]:
    """Let a flute play the tune; return how many notes it holds after each block, and how many it began."""
    from audio_engine.engine import Engine
    from therapy.specs import Palette

    palette = Palette(instruments={"bell": "flute", "answer": "harp"}, soundscapes=())
    engine = Engine(seed=3, scene="ocean", controls=controls, palette=palette)
    held, played = [], 0
    for k in range(round(seconds * 100)):
        played += sum(note.instrument == "bell" for note in engine.block(k * 0.01).notes)
        voices = engine.rack.parts["flute"].voice._voices
        held.append(sum(note is not None for note in voices._notes))
    engine.close()
    return held, played
