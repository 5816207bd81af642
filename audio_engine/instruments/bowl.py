"""Singing bowls: a soft mallet, two tones that beat slowly, overtones of a ring of metal, a long tail."""

from __future__ import annotations

import math
from typing import Final

from audio_engine.desk import Desk
from audio_engine.instruments._struck import Layer, Ring, StruckLayers
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Bowl"]


def _mode(n: int) -> float:
    """Return the frequency of a thin ring's mode with `n` waves around it, over that with two (Rayleigh)."""

    def height(waves: int) -> float:
        return waves * (waves**2 - 1) / math.sqrt(waves**2 + 1)

    return height(n) / height(2)


#: No bowl is quite round: its modes are pairs, here 2.4 cents apart, which beat in 2 to 3 s.
_SPLIT: Final = 2.0 ** (2.4 / 1200.0)
_LAYERS: Final = (
    Layer(partials=[1.0], decay=(3.6, 3.6), attack_s=0.03),
    Layer(partials=[0.55], ratio=_SPLIT, decay=(3.6, 3.6), attack_s=0.03),
    Layer(
        partials=[1.0], ratio=_mode(3), decay=(4.5, 4.5), attack_s=0.02, share=0.75, dark=0.06, bright=0.17
    ),
    Layer(partials=[1.0], ratio=_mode(4), decay=(5.5, 5.5), attack_s=0.02, share=0.45, dark=0.02, bright=0.1),
)


class Bowl(StruckLayers):
    """Twelve bowls may ring: none is damped, so a dense melody is not for them."""

    reverb_send = 0.5

    def __init__(self, desk: Desk) -> None:
        ring = Ring(shortest_s=3.5, longest_s=9.0, at_c5_s=6.0)
        super().__init__(desk, layers=_LAYERS, ring=ring, level=0.17, voices=12, width=0.5)


INSTRUMENT = InstrumentSpec(name="bowl", title="Singing bowls", build=Bowl, lufs=-26.4)
