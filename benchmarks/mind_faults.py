"""A language model that dies, stalls, crawls or raves: what the patient sees, hears, and is answered then.

A whole server with its voice service, a headset without a head that says a sentence of which the rules are
not sure, and a language model's server of this program that misbehaves on purpose. Real packets throughout.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.server
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from benchmarks.session import late_and_blocks
from benchmarks.talk import Clip, opus_silence, spoken
from clinic.ports import Command, SessionStart
from clinic.screening import Screening
from voice_guide.errors import VoiceError
from voice_guide.linebank import load_lines
from voice_guide.messages import Status
from voice_guide.think import ThinkSettings
from vr_world.gateway import Running, running_gateway
from vr_world.settings import ServerSettings
from vr_world.streaming.client import HeadlessHeadset, join
from vr_world.streaming.control import Caption, Mic, Played, pack_client_text
from vr_world.streaming.protocol import Audio, Microphone, Speech, pack_microphone

__all__ = ["BENCH", "Phase", "figures"]

#: No rule is sure of it, so that a model is asked.
SAID: Final = "I do not really know what to say about this week."
#: How the model behaves, in this order; the last one kills the process that asks it.
PHASES: Final = ("answers", "slow", "nonsense", "stalled", "killed")
PHASE_S: Final = 14.0
#: The stage's own words are over by then.
SETTLE_S: Final = 35.0
LOAD_S: Final = 240.0
PACKET_S: Final = 0.02
LINE_S: Final = 2.0
GAP_MS: Final = 250.0
LATE_PERCENT: Final = 0.1
#: A tenth of a token a second.
SLOW_S: Final = 10.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What one phase was like for the patient.

    Attributes:
        frames: pictures that came, a second.
        gap_ms: between two of them at most.
        late: blocks of music that were late, of `blocks`.
        lost: packets of music that did not come.
        answered_s: from the patient's last sound to the first of an answer that is no "mm"; `None`: never.
    """

    frames: float
    gap_ms: float
    late: int
    blocks: int
    lost: int
    answered_s: float | None


def figures(phases: Mapping[str, Phase]) -> list[Figure]:
    """Return each phase's figures; the first phase is what the others are compared with.

    Raises:
        BenchmarkFailed: a phase without an answer.
    """
    told: list[Figure] = []
    well = phases[PHASES[0]]
    for name, phase in phases.items():
        if phase.answered_s is None:
            raise BenchmarkFailed(f"the patient must be answered while the model is {name!r}, was not")
        share = f"{phase.frames / well.frames:.2f} of that with a model that answers"
        late = 100.0 * phase.late / max(phase.blocks, 1)
        told += [
            Figure(name=f"{name}: pictures", value=phase.frames, unit="frames/s", note=share),
            Figure(name=f"{name}: longest gap between them", value=phase.gap_ms, unit="ms", limit=GAP_MS),
            Figure(
                name=f"{name}: blocks of music late",
                value=late,
                unit="%",
                limit=LATE_PERCENT,
                note=f"{phase.late} of {phase.blocks}; {phase.lost} packets lost",
            ),
            Figure(
                name=f"{name}: first sound of an answer",
                value=phase.answered_s,
                unit="s",
                limit=LINE_S,
                note="after the last sound of the patient, at the ear",
            ),
        ]
    return told


class _Model(http.server.ThreadingHTTPServer):
    """A language model's server that behaves as `behaviour` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.behaviour = PHASES[0]
        self.leaving = threading.Event()


class _Answer(http.server.BaseHTTPRequestHandler):
    server: _Model

    def do_POST(self) -> None:
        """Answer a chat, well or badly."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = asked["response_format"]["json_schema"]["schema"]["properties"]["line"]["enum"]
        if self.server.behaviour == "stalled":
            self.server.leaving.wait(60.0)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(OSError):  # who asked has given it up
            self._write(json.dumps({"line": names[0], "actions": [], "rating": None}))

    def _write(self, answer: str) -> None:
        match self.server.behaviour:
            case "slow":
                for letter in answer:
                    self._piece(letter)
                    if self.server.leaving.wait(SLOW_S):
                        return
            case "nonsense":
                for _ in range(2000):
                    self._piece('{"line": "sea sea sea \\u0000 stop the heart ')
            case _:
                self._piece(answer)
        self.wfile.write(b"data: [DONE]\n\n")

    def _piece(self, text: str) -> None:
        chunk = {"choices": [{"delta": {"content": text}}]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _model() -> Iterator[_Model]:
    server = _Model()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.leaving.set()
        server.shutdown()
        server.server_close()


class _Patient:
    """Who wears the headset: says a sentence, hears what comes."""

    def __init__(self, headset: HeadlessHeadset, clip: Clip) -> None:
        self._headset, self._clip, self._silence = headset, clip, opus_silence()
        self._seq = self._reported = 0
        bank = load_lines("en")
        self._mm = {line.text for line_id, line in bank.lines.items() if line_id.startswith("acknowledge.")}

    async def quiet(self, until_s: float) -> None:
        """Let the microphone hear nothing until then."""
        while time.monotonic() < until_s:
            await self._hear([self._silence] * 5)

    async def says(self) -> float:
        """Say the sentence; return when its last sound was."""
        ended_s = time.monotonic() + PACKET_S * (self._clip.last + 1)
        await self._hear(self._clip.packets)
        return ended_s

    async def _hear(self, packets: Sequence[bytes]) -> None:
        begun_s = time.monotonic()
        for number, payload in enumerate(packets):
            await asyncio.sleep(max(begun_s + PACKET_S * number - time.monotonic(), 0.0))
            self._seq += 1
            await self._report()
            at_ms = 1e3 * (time.monotonic() - PACKET_S)
            await self._headset.say(
                pack_microphone(Microphone(seq=self._seq, client_ms=at_ms, payload=payload))
            )

    async def _report(self) -> None:
        """Tell that words were heard to their end, as a page does."""
        now_s = time.monotonic()
        for received in self._headset.speech[self._reported :]:
            speech = received.message
            if isinstance(speech, Speech):
                if speech.play_at_s + PACKET_S > now_s:
                    return
                if speech.last:
                    ms = 1e3 * PACKET_S * (speech.seq + 1)
                    await self._headset.say(
                        pack_client_text(Played(utterance=speech.utterance, ms=ms, done=True))
                    )
            self._reported += 1

    def answered_s(self, ended_s: float) -> float | None:
        """Return how long after `ended_s` the first sound of an answer was due at the ear."""
        texts = {text.utterance: text.text for text in self._headset.texts if isinstance(text, Caption)}
        due = [
            speech.play_at_s
            for received in self._headset.speech
            if isinstance(speech := received.message, Speech)
            and speech.seq == 0
            and received.at_s > ended_s - 1.0
            and texts.get(speech.utterance, "") not in self._mm
        ]
        return min(due) - ended_s if due else None


async def _lived(running: Running, model: _Model, clip: Clip, progress: Progress) -> dict[str, Phase]:
    start = SessionStart(plan_id="sea-at-dusk", patient="", screening=Screening(), actor="benchmark")
    await _well(running)
    await running.rooms.start_session("1", start)
    cookie = await asyncio.to_thread(join, running.local.rstrip("/"), running.rooms.code("1") or "")
    origin = running.local.rstrip("/")
    phases: dict[str, Phase] = {}
    async with HeadlessHeadset.connected(origin, cookie, time.monotonic) as headset:
        patient = _Patient(headset, clip)
        await headset.say(pack_client_text(Mic(state="on")))
        await running.rooms.command("1", Command(name="begin", actor="benchmark"))
        progress(f"settling for {SETTLE_S:g} s")
        await patient.quiet(time.monotonic() + SETTLE_S)
        for name in PHASES:
            progress(f"a model that is: {name}")
            model.behaviour = name
            phases[name] = await _phase(running, headset, patient, name)
    return phases


async def _phase(running: Running, headset: HeadlessHeadset, patient: _Patient, name: str) -> Phase:
    before, began_s = await running.rooms.state("1"), time.monotonic()
    killer = None
    if name == PHASES[-1]:
        pid = running.host.voice_pids["mind"]
        if pid is None:
            raise BenchmarkFailed("the mind must be a process, there is none")
        # While the patient speaks: it is asked, or about to be.
        killer = asyncio.get_running_loop().call_later(2.0, os.kill, pid, signal.SIGKILL)
    ended_s = await patient.says()
    await patient.quiet(began_s + PHASE_S)
    if killer is not None:
        killer.cancel()
    after, until_s = await running.rooms.state("1"), time.monotonic()
    at_s = np.array([frame.at_s for frame in headset.frames if began_s <= frame.at_s < until_s])
    numbers = [
        packet.message.seq
        for packet in headset.packets
        if isinstance(packet.message, Audio) and began_s <= packet.at_s < until_s
    ]
    if at_s.size < 2 or not numbers:
        raise BenchmarkFailed(f"pictures and sound must come, came {at_s.size} and {len(numbers)}")
    late = [late_and_blocks(state) for state in (before, after)]
    return Phase(
        frames=(at_s.size - 1) / float(at_s[-1] - at_s[0]),
        gap_ms=1e3 * float(np.diff(at_s).max()),
        late=late[1][0] - late[0][0],
        blocks=late[1][1] - late[0][1],
        lost=numbers[-1] - numbers[0] + 1 - len(set(numbers)),
        answered_s=patient.answered_s(ended_s),
    )


async def _well(running: Running) -> None:
    """Wait until ears, mind and mouth are loaded."""
    try:
        async with asyncio.timeout(LOAD_S):
            while True:
                state = running.host.voice_state
                if state is not None and state.status == Status():
                    return
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise BenchmarkFailed(f"ears, mind and mouth must be well, are {running.host.voice_state}") from None


async def _run_gateway(home: Path, model: _Model, clip: Clip, progress: Progress) -> dict[str, Phase]:
    think = ThinkSettings(
        backend="openai_server",
        server_url=f"http://127.0.0.1:{model.server_address[1]}/v1",
        server_model="misbehaving",
    )
    settings = ServerSettings(
        home=home,
        host="127.0.0.1",
        port=0,
        tls_port=None,
        lsl_session=f"bench-{os.getpid()}",
        guide=True,
        guide_think=think,
    )
    async with running_gateway(settings) as running:
        progress("loading the voice service")
        return await _lived(running, model, clip, progress)


def _run(progress: Progress) -> list[Figure]:
    try:
        progress("the patient's sentence")
        (clip,) = spoken((SAID,))
    except VoiceError as error:
        raise BenchmarkFailed(str(error)) from error
    with tempfile.TemporaryDirectory(prefix="stillwater-bench-") as home, _model() as model:
        return figures(asyncio.run(_run_gateway(Path(home), model, clip, progress)))


BENCH = Benchmark(
    name="mind_faults", title="A language model that dies, stalls, crawls or raves beside a session", run=_run
)
