"""Physical units that readings and controls carry, spelled once so that nothing else spells them."""

from __future__ import annotations

from typing import Final

PER_MIN: Final = "1/min"
BPM: Final = "bpm"
MS: Final = "ms"
S: Final = "s"
HZ: Final = "Hz"
KELVIN: Final = "K"
HOURS: Final = "h"
LUFS: Final = "LUFS"
MIDI_NOTE: Final = "MIDI note"
FRACTION: Final = "1"
RATIO: Final = "ratio"
MS2: Final = "ms²"
MICROSIEMENS: Final = "µS"
MICROVOLT2: Final = "µV²"
MM: Final = "mm"
MM_PER_S: Final = "mm/s"
DEG_PER_S: Final = "°/s"
LN_RATIO: Final = "ln ratio"
SEMITONES: Final = "semitones"
DBFS: Final = "dBFS"
PER_S: Final = "1/s"
