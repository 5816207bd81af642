"""Our patch once more, for `scsynth`: the same notes on the same voices, the same place, room and master.

Each unit stands for one of our objects (the table is in `docs/reference/benchmarks.md`), written as a
SuperCollider user would: a synth for each note, freed when it has rung out; one value a block wherever ours
moves slowly (pyo computes most of these for each sample; `slow=AUDIO` does too); the steering on control
busses; the cheaper unit where two would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from audio_engine.messages import NotePlayed
from benchmarks._superc import AUDIO, CONTROL, Graph, Message, Wire
from therapy.controls import Controls

__all__ = ["score"]

# Audio busses; the first two are the output.
_PAD, _DRONE, _BELL, _PULSE, _SEND, _BED, _PLACE = 16, 18, 20, 22, 24, 26, 28
#: Control busses: as they are steered, and, as far behind, as they glide there.
_STEERED: Final = (
    *("cutoff", "air", "body", "sparkle", "tap", "mallet", "stir", "gusts", "wet", "lift", "lift_gain"),
    *("makeup", "duck", "fade", "fader"),
)
_GLIDING: Final = 32
_BUFFERS: Final[dict[str, tuple[int, tuple[float, ...]]]] = {
    "pad body": (0, tuple(1.0 / n**1.3 for n in range(1, 15))),
    "pad air": (1, (0.2, 0.7, 0.5, 0.6, 0.12, 0.45, 0.05, 0.4, 0.15, 0.12, 0.0, 0.25, 0.0, 0.0, 0.0, 0.2)),
    "drone": (2, (1.0, 0.42, 0.1, 0.05)),
    "bell body": (3, (1.0, 0.22)),
    "bell top": (4, (0.0, 0.3, 0.7, 0.4, 0.12, 0.2, 0.0, 0.15)),
    "pulse": (5, (1.0, 0.3, 0.05, 0.12)),
}
#: A wavetable takes two numbers a point.
_TABLE: Final = 2 * 8192
#: Noises whose filters never change are played from buffers, as ours are; what is in them does not change
#: their cost.
_NOISES: Final = {"foam": 6, "body": 7, "wind": 8}
_NOISE_FRAMES: Final = 2**18
_ROLES: Final = {"answer": "bell", "texture": "bell"}
_INTO_HEAD, _INTO_TAIL = 0, 1


def score(
    notes: Sequence[NotePlayed],
    steered: Sequence[tuple[float, Controls]],
    *,
    master: bool,
    slow: int = CONTROL,
) -> list[Message]:
    """Return what makes `scsynth` play `notes` while it is steered.

    Args:
        notes: with `at_s` from the start of the sound.
        steered: when the controls were which.
        master: with the counterpart of our master, or dry.
        slow: rate of what moves slowly: `CONTROL` as its users have it, `AUDIO` as pyo does it.
    """
    played = [_held_pad(slow), _held_drone(slow), _struck_bell(slow), _struck_pulse(slow)]
    fixed = [_glides(slow), _pad(slow), _drone(slow), _bell(slow), _pulse(slow), _ocean(slow), _wind(slow)]
    fixed += [_room(slow), _master(slow, whole=master)]
    messages = [Message(0.0, "/d_recv", (graph.file(),)) for graph in played + fixed]
    for number, partials in _BUFFERS.values():
        messages.append(Message(0.0, "/b_alloc", (number, _TABLE, 1)))
        messages.append(Message(0.0, "/b_gen", (number, "sine1", 7, *partials)))
    for number in _NOISES.values():
        messages.append(Message(0.0, "/b_alloc", (number, _NOISE_FRAMES, 1)))
        messages.append(Message(0.0, "/b_gen", (number, "sine1", 5, *(1.0 / n for n in range(1, 9)))))
    messages += [Message(0.0, "/s_new", (g.name, 1000 + n, _INTO_TAIL, 0)) for n, g in enumerate(fixed)]
    later = [_note(note, 2000 + n) for n, note in enumerate(notes)]
    later += [Message(at_s, "/c_set", _steer(controls)) for at_s, controls in steered]
    return messages + sorted(later, key=lambda message: message.at_s)


def _note(note: NotePlayed, number: int) -> Message:
    role = _ROLES.get(note.instrument, note.instrument)
    values: dict[str, float] = {
        "hz": 440.0 * 2.0 ** ((note.midi_note - 69.0) / 12.0),
        "level": 0.06 * note.velocity if role in ("pad", "drone") else 0.3 * note.velocity**1.5,
        "lasts": note.duration_s if role in ("pad", "drone") else min(max(note.duration_s, 1.2), 4.5),
        "side": float(number % 2),
    }
    named = [each for pair in values.items() for each in pair]
    return Message(max(note.at_s, 0.0), "/s_new", (f"note {role}", number, _INTO_HEAD, 0, *named))


def _steer(controls: Controls) -> tuple[float | int, ...]:
    """Return numbers of busses and what is put on them."""
    bright = controls.brightness
    values = {
        "cutoff": 220.0 * 25.5**bright,
        "air": 0.1 + 1.4 * bright,
        "body": 1.0 - 0.65 * bright,
        "sparkle": 0.02 + 0.55 * bright**1.5,
        "tap": 0.015 + 0.06 * bright,
        "mallet": 250.0 * 8.0**bright,
        "stir": controls.weather,
        "gusts": 0.12 + 0.5 * controls.weather,
        "wet": 0.9,
        "lift": controls.swell * (2.0 * abs(2.0 * controls.pacer_phase - 1.0) - 1.0),
        "lift_gain": 1.0,
        "makeup": 0.5,
        "duck": 1.0,
        "fade": 1.0,
        "fader": 1.0,
    }
    return tuple(each for n, name in enumerate(_STEERED) for each in (n, values[name]))


def _glides(slow: int) -> Graph:
    """Like our `SigTo`s: what is steered glides."""
    g = Graph("glides", slow)
    raw = g.unit("In", 0.0, rate=CONTROL, outputs=len(_STEERED))
    steered = [Wire(raw.unit, n, CONTROL) for n in range(len(_STEERED))]
    if slow == AUDIO:
        steered = [g.unit("K2A", wire) for wire in steered]
    lagged = [g.unit("Lag", wire, 0.4, rate=slow) for wire in steered]
    g.unit("Out", float(_GLIDING), *lagged, rate=slow, outputs=0)
    return g


def _glide(g: Graph, name: str) -> Wire:
    return g.unit("In", float(_GLIDING + _STEERED.index(name)), rate=g.slow)


# notes ----------------------------------------------------------------------------------------------------


def _held_pad(slow: int) -> Graph:
    g = Graph("note pad", slow, hz=110.0, level=0.0, lasts=1.0, side=0.0)
    gain = _trapeze(g, 1.8, 2.6)
    air = _glide(g, "air")
    sides = []
    for body_ratio, air_ratio, phase in ((0.9971, 1.0017, 0.3), (0.9983, 1.0029, 1.9)):
        body = _table(g, "pad body", body_ratio, phase)
        over = _table(g, "pad air", air_ratio, 2.0 * phase)
        sides.append(g.add(g.multiply(body, gain), g.multiply(g.multiply(over, gain), air)))
    g.unit("Out", float(_PAD), *sides, outputs=0)
    return g


def _held_drone(slow: int) -> Graph:
    g = Graph("note drone", slow, hz=110.0, level=0.0, lasts=1.0, side=0.0)
    gain = _trapeze(g, 2.5, 3.0)
    sides = [g.multiply(_table(g, "drone", 1.0, phase), gain) for phase in (0.0, 1.07)]
    g.unit("Out", float(_DRONE), *sides, outputs=0)
    return g


def _trapeze(g: Graph, attack_s: float, release_s: float) -> Wire:
    """Like a held voice's fader: up to `level`, held, down; it frees the synth."""
    nodes = (0.0, 3.0, -99.0, -99.0, 1.0, attack_s, 1.0, 0.0)
    hold = g.unit("BinaryOpUGen", g.parameter("lasts"), attack_s, special=1, rate=0)
    least = g.unit("BinaryOpUGen", hold, 0.01, special=13, rate=0)
    return g.unit(
        "EnvGen",
        *(1.0, g.parameter("level"), 0.0, 1.0, 2.0, *nodes),
        *(1.0, least, 1.0, 0.0, 0.0, release_s, 1.0, 0.0),
        rate=g.slow,
    )


def _struck_bell(slow: int) -> Graph:
    g = Graph("note bell", slow, hz=440.0, level=0.0, lasts=1.0, side=0.0)
    lasts, level = g.parameter("lasts"), g.parameter("level")
    body_ring = g.envelope(AUDIO, lasts, (1.0, 0.004, 0.0), (0.0, 0.996, -5.5))
    top_ring = _ring(g, g.multiply(lasts, 0.45), 0.006, -9.0)
    tap_ring = _ring(g, 0.25, 0.03, -7.0)
    body = g.multiply(_table(g, "bell body", 1.0, 0.0), g.multiply(body_ring, level))
    top = g.multiply(_table(g, "bell top", 1.0, 0.0), g.multiply(top_ring, level))
    tap = g.multiply(g.unit("SinOsc", g.multiply(g.parameter("hz"), 2.756), 0.0), g.multiply(tap_ring, level))
    total = g.fit(tap, _glide(g, "tap"), g.fit(top, _glide(g, "sparkle"), body))
    g.unit("Out", g.add(g.parameter("side"), float(_BELL)), total, outputs=0)
    return g


def _struck_pulse(slow: int) -> Graph:
    g = Graph("note pulse", slow, hz=110.0, level=0.0, lasts=1.0, side=0.0)
    ring = g.envelope(AUDIO, 0.9, (1.0, 0.012, 0.0), (0.0, 0.988, -6.0))
    body = g.multiply(_table(g, "pulse", 1.0, 0.0), g.multiply(ring, g.parameter("level")))
    g.unit("Out", float(_PULSE), body, outputs=0)
    return g


def _ring(g: Graph, seconds: float | Wire, attack: float, curve: float) -> Wire:
    """A struck envelope that frees nothing."""
    nodes = (0.0, 2.0, -99.0, -99.0, 1.0, attack, 1.0, 0.0, 0.0, 1.0 - attack, 5.0, curve)
    return g.unit("EnvGen", 1.0, 1.0, 0.0, seconds, 0.0, *nodes)


def _table(g: Graph, name: str, ratio: float, phase: float) -> Wire:
    hz = g.parameter("hz") if ratio == 1.0 else g.multiply(g.parameter("hz"), ratio)
    return g.unit("Osc", float(_BUFFERS[name][0]), hz, phase)


# what the notes go through --------------------------------------------------------------------------------


def _pad(slow: int) -> Graph:
    g = Graph("pad", slow)
    opened = g.fit(_glide(g, "lift"), 0.3, 1.0)
    sides = []
    for wire, hz, phase in zip(g.both("In", float(_PAD)), (0.053, 0.047), (0.0, 2.5), strict=True):
        drift = g.fit(g.unit("SinOsc", hz, phase, rate=g.slow), 0.12, 1.0)
        cutoff = g.multiply(g.multiply(_glide(g, "cutoff"), drift), opened)
        filtered = g.unit("RLPF", g.unit("RLPF", wire, cutoff, 1.6), cutoff, 1.6)
        sides.append(g.multiply(filtered, _glide(g, "lift_gain")))
    _to_bed(g, sides, 0.35)
    return g


def _drone(slow: int) -> Graph:
    g = Graph("drone", slow)
    gain = g.multiply(_glide(g, "body"), g.fit(_glide(g, "lift"), 0.15, 1.0))
    _to_bed(g, [g.multiply(wire, gain) for wire in g.both("In", float(_DRONE))], 0.1)
    return g


def _bell(slow: int) -> Graph:
    g = Graph("bell", slow)
    sides = g.both("In", float(_BELL))
    middle = g.multiply(g.add(*sides), 0.5)
    gain = g.fit(_glide(g, "lift"), 0.12, 1.0)
    _to_bed(g, [g.multiply(g.fit(side, 0.35, middle), gain) for side in sides], 0.6)
    return g


def _pulse(slow: int) -> Graph:
    g = Graph("pulse", slow)
    low = g.unit("LPF", g.unit("In", float(_PULSE)), _glide(g, "mallet"))
    _to_bed(g, [low, low], 0.25)
    return g


def _to_bed(g: Graph, sides: Sequence[Wire], send: float) -> None:
    """Through the part's fader onto the bed, and its share into the room."""
    fader = _glide(g, "fader")
    faded = [g.multiply(side, fader) for side in sides]
    g.unit("Out", float(_BED), *faded, outputs=0)
    g.unit("Out", float(_SEND), g.multiply(g.add(*faded), send), outputs=0)


# the place ------------------------------------------------------------------------------------------------


def _ocean(slow: int) -> Graph:
    g = Graph("ocean", slow)
    stir = _glide(g, "stir")
    rise = g.fit(_glide(g, "lift"), 0.55, 1.0)
    swash_hz = g.multiply(g.fit(g.multiply(rise, rise), 520.0, 60.0), g.fit(stir, 1.2, 0.7))
    body = g.multiply(_noise(g, "body", 0.0), 0.55)
    sides = []
    for hz, begin in ((0.13, 0.0), (0.11, 0.4)):
        own = g.multiply(g.fit(g.unit("LFNoise1", hz, rate=g.slow), 0.14, 0.86), rise)
        swash = g.multiply(g.unit("LPF", g.unit("PinkNoise"), swash_hz), own)
        foam = _noise(g, "foam", begin)
        foamy = g.multiply(foam, g.multiply(g.multiply(rise, own), g.fit(stir, 0.13, 0.03)))
        sides.append(g.unit("Sum3", swash, foamy, body))
    _to_place(g, sides, 0.42)
    return g


def _noise(g: Graph, name: str, begin: float) -> Wire:
    """A loop of noise from the share `begin` of it on: one, where ours has two."""
    return g.unit("PlayBuf", float(_NOISES[name]), 1.0, 1.0, begin * _NOISE_FRAMES, 1.0, 0.0)


def _wind(slow: int) -> Graph:
    g = Graph("wind", slow)
    gusts_hz = _glide(g, "gusts")
    sides = []
    for slower, other, begin in ((1.0, 0.71, 0.0), (0.83, 0.93, 0.4)):
        hz = g.fit(g.unit("LFNoise1", g.multiply(gusts_hz, slower), rate=g.slow), 200.0, 420.0)
        gust = g.fit(g.unit("LFNoise1", g.multiply(gusts_hz, other), rate=g.slow), 0.35, 0.65)
        sides.append(g.multiply(g.unit("BPF", _noise(g, "wind", begin), hz, 0.71), gust))
    _to_place(g, sides, 0.6)
    return g


def _to_place(g: Graph, sides: Sequence[Wire], level: float) -> None:
    """Through the part's fader into the ambisonic channels that a sound all around uses: W and Y."""
    gain = g.multiply(_glide(g, "fader"), level)
    left, right = (g.multiply(side, gain) for side in sides)
    g.unit("Out", float(_PLACE), g.add(left, right), g.subtract(left, right), outputs=0)


# room and master ------------------------------------------------------------------------------------------


def _room(slow: int) -> Graph:
    g = Graph("room", slow)
    send = g.unit("In", float(_SEND))
    wet = g.both("FreeVerb2", send, send, 1.0, 0.8, 0.5)
    g.unit("Out", float(_BED), *(g.multiply(side, _glide(g, "wet")) for side in wet), outputs=0)
    return g


def _master(slow: int, *, whole: bool) -> Graph:
    """Bed and place as two channels; `whole`: gain, limiter and the two loudness meters too."""
    g = Graph("master", slow)
    front, across = g.both("In", float(_PLACE))
    bed = g.both("In", float(_BED))
    half, tilt = g.multiply(front, 0.5), g.multiply(across, 0.5)
    sides = [g.add(bed[0], g.add(half, tilt)), g.add(bed[1], g.subtract(half, tilt))]
    if whole:
        _meter(g, sides, 100.0)
        fade = _glide(g, "fade")
        gain = g.multiply(g.multiply(_glide(g, "makeup"), _glide(g, "duck")), g.multiply(fade, fade))
        sides = [g.unit("Limiter", g.multiply(side, gain), 0.79, 0.01) for side in sides]
        _meter(g, sides, 101.0)
    g.unit("Out", 0.0, *sides, outputs=0)
    return g


def _meter(g: Graph, sides: Sequence[Wire], bus: float) -> None:
    """K-weighted loudness (BS.1770): a shelf and a high-pass a side, squares, their mean."""
    squares = []
    for side in sides:
        weighted = g.unit("BHiPass", g.unit("BHiShelf", side, 1500.0, 1.0, 4.0), 38.0, 2.0)
        squares.append(g.multiply(weighted, weighted))
    mean = g.unit("OnePole", g.add(*squares), 0.99995)
    g.unit("Out", bus, g.unit("A2K", mean, rate=CONTROL), rate=CONTROL, outputs=0)
