"""A kalimba: a tongue of metal on wood. Its overtones lie far above and are gone before the note is."""

from __future__ import annotations

from typing import Final

from audio_engine.desk import Desk
from audio_engine.instruments._struck import Layer, Ring, StruckLayers
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Kalimba"]

#: Second mode of a bar clamped at one end over its first (Fletcher & Rossing, The Physics of Musical
#: Instruments).
_SECOND_MODE: Final = 6.267
_LAYERS: Final = (
    Layer(partials=[1.0, 0.1, 0.05], decay=(5.5, 4.0), attack_s=0.005),
    Layer(
        partials=[0.0, 0.0, 0.5, 0.3, 0.12],
        decay=(8.0, 8.0),
        attack_s=0.004,
        share=0.35,
        dark=0.1,
        bright=0.8,
    ),
    Layer(
        partials=[0.12],
        ratio=_SECOND_MODE,
        decay=(7.0, 7.0),
        attack_s=0.003,
        share=0.12,
        dark=0.1,
        bright=0.7,
    ),
)


class Kalimba(StruckLayers):
    """Ten tongues may ring."""

    reverb_send = 0.35

    def __init__(self, desk: Desk) -> None:
        ring = Ring(shortest_s=1.0, longest_s=2.4, at_c5_s=2.0)
        super().__init__(desk, layers=_LAYERS, ring=ring, level=0.32, width=0.5)


INSTRUMENT = InstrumentSpec(name="kalimba", title="Kalimba", build=Kalimba, lufs=-27.8)
