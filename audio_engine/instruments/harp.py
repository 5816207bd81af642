"""A harp: strings plucked at a third of their length, so every third overtone is missing; gut, not wire."""

from __future__ import annotations

import math
from typing import Final

from audio_engine.desk import Desk
from audio_engine.instruments._struck import Layer, Ring, StruckLayers
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Harp"]

#: An ideal string plucked at 1/3 has overtones sin(n π/3)/n² (Fletcher & Rossing, The Physics of Musical
#: Instruments); fingertips round off the highest.
_PLUCKED: Final = [abs(math.sin(n * math.pi / 3.0)) / n**1.7 for n in range(1, 13)]
_LAYERS: Final = (
    Layer(partials=_PLUCKED[:2], decay=(5.0, 4.0), attack_s=0.004),
    Layer(
        partials=[0.0, 0.0, *_PLUCKED[2:6]],
        decay=(7.5, 5.0),
        attack_s=0.006,
        share=0.7,
        dark=0.25,
        bright=1.0,
    ),
    Layer(
        partials=[0.0] * 6 + _PLUCKED[6:], decay=(9.0, 9.0), attack_s=0.006, share=0.35, dark=0.02, bright=0.3
    ),
)


class Harp(StruckLayers):
    """Twelve strings may ring."""

    reverb_send = 0.45

    def __init__(self, desk: Desk) -> None:
        ring = Ring(shortest_s=1.6, longest_s=3.6, at_c5_s=2.8)
        super().__init__(desk, layers=_LAYERS, ring=ring, level=0.3, voices=12, width=0.6)


INSTRUMENT = InstrumentSpec(name="harp", title="Harp", build=Harp, lufs=-28.0)
