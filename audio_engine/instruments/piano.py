"""A felt piano: two strings a note that drift apart, a hammer so soft that its overtones are a breath."""

from __future__ import annotations

from typing import Final

from audio_engine.desk import Desk
from audio_engine.instruments._struck import Layer, Ring, StruckLayers
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Piano"]

#: Cents apart, as a tuned unison ends up: beats of some seconds, heard as life.
_UNISON: Final = 2.0 ** (0.9 / 1200.0)
_LAYERS: Final = (
    Layer(partials=[1.0, 0.36, 0.14], decay=(7.0, 2.6), attack_s=0.012),
    Layer(partials=[0.6, 0.24, 0.1], ratio=_UNISON, decay=(6.0, 2.2), attack_s=0.016, dark=0.5, bright=0.6),
    Layer(
        partials=[0.0, 0.0, 0.0, 0.5, 0.35, 0.24, 0.13, 0.09, 0.06, 0.04],
        decay=(9.0, 5.0),
        attack_s=0.009,
        share=0.6,
        dark=0.02,
        bright=0.5,
    ),
)


class Piano(StruckLayers):
    """Twelve notes may ring."""

    reverb_send = 0.4

    def __init__(self, desk: Desk) -> None:
        ring = Ring(shortest_s=1.4, longest_s=4.0, at_c5_s=3.2, halving=18.0)
        super().__init__(desk, layers=_LAYERS, ring=ring, level=0.33, voices=12)


INSTRUMENT = InstrumentSpec(name="piano", title="Felt piano", build=Piano, lufs=-27.8)
