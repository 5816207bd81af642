"""Music and nature sound, made live: `Controls` in, 10 ms blocks and Opus packets out.

`process.main` is the room's audio child, `offline.render` the same engine faster than real time. The
composer is pure; only the engine, the instruments and the soundscapes touch pyo (through `_pyo`).
"""
