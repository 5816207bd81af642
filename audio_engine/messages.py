"""What crosses the pipe between a room and its audio process. All `*_s` stamps are session time.

In: `SetControls`, `SetPlace`, `Fade`, `Duck`, `Space`, `Exclude`, `Prepare`, `TakeOver`, `Shutdown`. Out:
`OpusPacket`, `NotePlayed`, `MusicRests`, `AudioHeartbeat`, `AudioReady`, `AudioRefused`.
"""

from __future__ import annotations

import dataclasses
from typing import Final, TypeAlias

from therapy.controls import NEUTRAL, Controls
from therapy.specs import PLAIN, Palette

__all__ = [
    "BLOCK_FRAMES",
    "BLOCK_S",
    "CHANNELS",
    "LEAD_S",
    "RATE_HZ",
    "AudioConfig",
    "AudioHeartbeat",
    "AudioReady",
    "AudioRefused",
    "Duck",
    "Exclude",
    "Fade",
    "FromAudio",
    "MusicRests",
    "NotePlayed",
    "OpusPacket",
    "Prepare",
    "SetControls",
    "SetPlace",
    "Shutdown",
    "Space",
    "TakeOver",
    "ToAudio",
]

RATE_HZ: Final = 48_000
BLOCK_FRAMES: Final = 480
BLOCK_S: Final = BLOCK_FRAMES / RATE_HZ
CHANNELS: Final = 2
#: How long before its time at the ear a block is ready: covers an encoder, a pipe and a busy machine.
LEAD_S: Final = 0.06


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AudioConfig:
    """How an audio process starts.

    For a respawn give the last controls and the last fade gain, and from the last `AudioHeartbeat` its
    `bar` as `start_bar` and its `bar_at_s` as `start_bar_at_s`: the music goes on where it would be now.

    Attributes:
        seed: the same seed, scene and controls make the same music.
        scene: name of the place; for one seed each place has its own key and motifs.
        palette: what the place sounds like: its instruments and soundscapes.
        controls: how the music and the nature sounds start.
        start_bar: bars (4 beats) since the piece began; fractions are beats.
        start_bar_at_s: session time that `start_bar` is for, or `None`: it is for the first block.
        start_tempo_bpm: tempo that was played at `start_bar`, or `None`: the controls' own.
        correction_db: what listening has taught the process before this one about the mix's loudness.
        space: send the place apart from the bed, for a headset that turns it with the head.
        standby: build everything, say `AudioReady` and wait, without a sound, for `TakeOver`.
        gain: loudness that the first fade leads to, 0 … 1. 0 is silence until a `Fade` comes.
        fade_in_s: length of that first fade.
        excluded: what must not be heard, words of `therapy.personal.TRIGGERS`.
        realtime: ask the system for real-time priority; refused politely where not allowed.
    """

    seed: int
    scene: str = "ocean"
    palette: Palette = PLAIN
    controls: Controls = NEUTRAL
    start_bar: float = 0.0
    start_bar_at_s: float | None = None
    start_tempo_bpm: float | None = None
    correction_db: float = 0.0
    space: bool = False
    standby: bool = False
    gain: float = 0.0
    fade_in_s: float = 0.4
    excluded: frozenset[str] = frozenset()
    realtime: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SetControls:
    """The world's controls as of `at_s`; the newest counts. `pacer_phase` is the phase at `at_s`."""

    controls: Controls
    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SetPlace:
    """Go over to the sound of another place: built without a late block, then faded within `fade_s`.

    Key, motifs and bar go on: it is the same piece, played by others and heard elsewhere.
    """

    palette: Palette
    fade_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fade:
    """Fade everything to `gain` (0 … 1) within `seconds`, from where it is."""

    gain: float
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Duck:
    """Somebody will speak from `from_s` until `until_s` (session time): be `depth_db` quieter then.

    Say it half a second ahead, so that the music steps back before the first word. A later message moves the
    end; one with `until_s` in the past lets the music come back now.
    """

    from_s: float
    until_s: float
    depth_db: float = 10.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Send the place apart from the bed (`on`), for a headset that turns it with the head, or fold it in."""

    on: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exclude:
    """Begin no more notes of instruments that contain one of `tags` (of `therapy.personal.TRIGGERS`)."""

    tags: frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """To a process on standby: be ready to play this instead."""

    config: AudioConfig


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """To a process on standby: the one that played is gone; go on where it would be now."""

    config: AudioConfig


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """End now, cleanly."""


ToAudio: TypeAlias = SetControls | SetPlace | Fade | Duck | Space | Exclude | Prepare | TakeOver | Shutdown


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpusPacket:
    """10 ms of sound.

    `seq` counts up from 0 (a gap: blocks skipped to catch up); `play_at_s` is when its first sample is due
    at the ear.

    Attributes:
        data: one stereo packet: the whole sound, or the bed alone, which stays with the head.
        place: while `Space` is on, two stereo packets, (W, Y) and (Z, X) of the place in first-order
            ambisonics (SN3D), which stays where it is.
    """

    seq: int
    play_at_s: float
    data: bytes
    place: tuple[bytes, bytes] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotePlayed:
    """A note starts; `at_s` is when its first sample is due at the ear.

    Of a held role (pad, drone) it may be tied on: if one of its pitch sounds still, that one sounds on.
    """

    at_s: float
    instrument: str
    midi_note: float
    velocity: float
    duration_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MusicRests:
    """A composed pause begins at `at_s` and is to last `duration_s`: near-silence is then no fault."""

    at_s: float
    duration_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AudioHeartbeat:
    """The audio process is well; sent ten times a second.

    Attributes:
        at_s: when this was sent.
        blocks: blocks made since the start.
        late_blocks: those ready more than one block (10 ms) after they were due (`LEAD_S` before their time).
        missed_blocks: those ready only after their time at the ear, or skipped to catch up.
        dropped_packets: packets not sent because the room did not read.
        block_ms_p99: 99th percentile of the time that one of the last 500 blocks took to make and encode.
        lufs_momentary: loudness of the last 400 ms (ITU-R BS.1770), −120 for silence.
        peak_dbtp: highest true peak since the last heartbeat, −120 for silence.
        bar: position in the piece, in bars, that is heard at `bar_at_s`.
        bar_at_s: see `bar`.
        realtime: real-time priority was granted.
        priority: how the system schedules the process, in words.
        tempo_bpm: tempo that is played at `bar_at_s`.
        correction_db: what listening has taught about the mix's loudness, for the next process.
        resting: the music is in a composed pause.
    """

    at_s: float
    blocks: int
    late_blocks: int
    missed_blocks: int
    dropped_packets: int
    block_ms_p99: float
    lufs_momentary: float
    peak_dbtp: float
    bar: float
    bar_at_s: float
    realtime: bool
    priority: str = ""
    tempo_bpm: float = 0.0
    correction_db: float = 0.0
    resting: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AudioReady:
    """A process on standby is built and waits; it holds `memory_mb` of memory that no other process has."""

    at_s: float
    memory_mb: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AudioRefused:
    """Something that came in was refused, whole or in part; the last good values stay."""

    at_s: float
    what: str


FromAudio: TypeAlias = OpusPacket | NotePlayed | MusicRests | AudioHeartbeat | AudioReady | AudioRefused
