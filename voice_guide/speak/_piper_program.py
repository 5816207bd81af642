"""A program of its own around Piper (GPL-3.0): a line of JSON in, a line and raw sound out.

python _piper_program.py MODEL.onnx

In: `{"text": …, "length_scale": …}`. Out: `{"rate_hz": …, "samples": …}` and as many 16-bit samples, or
`{"error": …}`. Nothing of Stillwater imports it, and it imports nothing of Stillwater: the two talk through
pipes alone, as they would if Piper's own command line spoke so.
"""

import json
import sys


def main() -> None:
    """Speak until stdin ends."""
    from piper import PiperVoice, SynthesisConfig  # noqa: PLC0415

    voice = PiperVoice.load(sys.argv[1])
    out = sys.stdout.buffer
    out.write(b'{"ready": true}\n')
    out.flush()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        config = SynthesisConfig(length_scale=asked["length_scale"])
        chunks = list(voice.synthesize(asked["text"], syn_config=config))
        sound = b"".join(chunk.audio_int16_bytes for chunk in chunks)
        rate_hz = chunks[0].sample_rate if chunks else voice.config.sample_rate
        out.write(json.dumps({"rate_hz": rate_hz, "samples": len(sound) // 2}).encode() + b"\n")
        out.write(sound)
        out.flush()


if __name__ == "__main__":
    main()
