"""Speech: calm in level and pace, cut into packets that say which words they hold."""

import os
import signal as signals
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal
from speech_kit import needs_espeak

from therapy.talk import Utterance
from voice_guide.errors import NoVoice
from voice_guide.mouth import PACKET_S, Mouth, heard_text
from voice_guide.speak import espeak_ng, piper
from voice_guide.voice import LEVEL_DB, Clause, best_voice, clauses, levelled, resampled

TEXT = "Of course. I make the sea a little calmer now, and you may rest."


def utterance(text: str = TEXT, language: str = "en", line_id: str = "a.b") -> Utterance:
    return Utterance(utterance=3, turn=1, text=text, source="line", language=language, line_id=line_id)


def decoded(packets) -> np.ndarray:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.payload))]
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]) / 32768.0


def voiced_db(sound: np.ndarray) -> float:
    power = (sound[: sound.size // 2400 * 2400].reshape(-1, 2400) ** 2).mean(axis=1)
    return float(10.0 * np.log10(power[power > power.max() / 10**2.5].mean()))


class Tone:
    """A voice for tests: 0.4 s of a tone a clause, at 22,050 Hz."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def render(self, text, _pace):
        self.asked.append(text)
        return 0.5 * np.sin(np.arange(8820) * 0.1).astype(np.float32), 22_050

    def close(self) -> None: ...


@needs_espeak
@pytest.mark.parametrize(("text", "language"), [(TEXT, "en"), ("Ich bin hier. Ganz in Ruhe.", "de")])
def test_speech_has_one_level_no_peaks_and_no_clicks(text: str, language: str) -> None:
    voice = espeak_ng.VOICE.open(language)
    sound = decoded(Mouth(lambda _language: voice).speak(utterance(text, language)))
    assert voiced_db(sound) == pytest.approx(LEVEL_DB, abs=1.5)
    assert 20.0 * np.log10(np.abs(signal.resample_poly(sound, 4, 1)).max()) <= -3.0
    high = signal.sosfilt(signal.butter(6, 16_000, "high", fs=48_000, output="sos"), sound)
    assert np.abs(high).max() < 0.02


@needs_espeak
def test_words_are_words_and_never_options_or_markup() -> None:
    voice = espeak_ng.VOICE.open("en")
    sound, _ = voice.render('--version -f /etc/passwd <break time="9s"/> yes', 1.0)
    assert 1.0 < sound.size / 22_050 < 12.0


def test_every_word_is_in_one_packet_in_order_and_the_last_packet_says_so() -> None:
    packets = list(Mouth(lambda _language: Tone()).speak(utterance()))
    assert " ".join(packet.words for packet in packets if packet.words) == TEXT
    assert [packet.seq for packet in packets] == list(range(len(packets)))
    assert [packet.last for packet in packets].count(True) == 1
    assert packets[-1].last
    assert len(decoded(packets)) / 48_000 == pytest.approx(len(packets) * PACKET_S, abs=0.03)


def test_an_approved_line_is_rendered_once_and_a_models_words_are_not_kept() -> None:
    voice = Tone()
    mouth = Mouth(lambda _language: voice)
    mouth.prepare(TEXT, "en")
    ahead = len(voice.asked)
    first = [packet.payload for packet in mouth.speak(utterance())]
    assert len(voice.asked) == ahead
    assert [packet.payload for packet in mouth.speak(utterance())] == first
    list(mouth.speak(utterance("Something else.", line_id="")))
    list(mouth.speak(utterance("Something else.", line_id="")))
    assert len(voice.asked) == ahead + 2


def test_the_cache_has_a_limit() -> None:
    mouth = Mouth(lambda _language: Tone(), cache_mb=0.1)
    for index in range(9):
        mouth.prepare(f"Line {index}.", "en")
    assert mouth._cache_bytes <= 100_000
    assert mouth._cache


def test_pauses_that_a_line_asks_for_are_kept_and_bounded() -> None:
    assert list(clauses("Rest. [pause 2s] Now… breathe, slowly [pause 900s]")) == [
        Clause("Rest.", 0.6),
        Clause("", 2.0),
        Clause("Now…", 0.9),
        Clause("breathe,", 0.25),
        Clause("slowly", 0.25),
        Clause("", 20.0),
    ]


@given(st.text(max_size=2000))
def test_any_text_becomes_short_printable_clauses(text: str) -> None:
    for clause in clauses(text):
        assert len(clause.text) <= 240
        assert clause.text.isprintable()
        assert 0.0 <= clause.pause_s <= 20.0


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(NoVoice, match="finite sound"):
        resampled(np.full(10, np.nan, np.float32), 22_050)
    with pytest.raises(NoVoice, match="words"):
        list(Mouth(lambda _language: Tone()).speak(utterance("… !")))
    assert not levelled(np.zeros(4800, np.float32)).any()


def test_what_was_heard_ends_before_the_word_that_was_cut() -> None:
    words = [(0.0, "You are"), (0.3, "safe here."), (0.9, "The sea"), (1.2, "goes on.")]
    assert heard_text(words, 0.0) == ""
    assert heard_text(words, 0.95) == "You are safe here."
    assert heard_text(words, 1.5) == "You are safe here. The sea goes on."


def test_no_voice_for_a_language_says_what_is_missing() -> None:
    with pytest.raises(NoVoice, match="'xx'"):
        best_voice("xx")
    with pytest.raises(NoVoice, match="espeak_ng"):
        best_voice("en", "nobody")


PROGRAM = """
import json, sys, time
sys.stdout.write('{"ready": true}\\n'); sys.stdout.flush()
for line in sys.stdin:
    text = json.loads(line)["text"]
    if text == "die": sys.exit(3)
    if text == "hang": time.sleep(60)
    sys.stdout.write('{"rate_hz": 22050, "samples": 4}\\n'); sys.stdout.flush()
    sys.stdout.buffer.write(bytes(8)); sys.stdout.buffer.flush()
"""


def test_a_program_that_dies_or_is_silent_is_started_anew_and_the_error_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "voice.onnx").touch()
    monkeypatch.setattr(piper, "_PROGRAM", tmp_path / "program.py")
    monkeypatch.setattr(piper, "_CLAUSE_WITHIN_S", 0.5)
    monkeypatch.setattr(piper, "find", lambda _name: tmp_path)
    voice = piper.VOICE.open("en")
    assert voice.render("hello", 1.0)[0].size == 4
    os.kill(voice._process.pid, signals.SIGKILL)
    assert voice.render("hello", 1.0)[0].size == 4, "started anew"
    with pytest.raises(NoVoice, match="ended with 3"):
        voice.render("die", 1.0)
    with pytest.raises(NoVoice, match="silent"):
        voice.render("hang", 1.0)
    voice.close()
    assert voice._process is None


def test_pipers_program_imports_nothing_of_ours_and_none_of_ours_imports_piper() -> None:
    program = Path(piper.__file__).with_name("_piper_program.py").read_text()
    assert "voice_guide" not in program
    assert "therapy" not in program
    assert "piper" not in sys.modules
