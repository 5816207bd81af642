"""A patient speaks, the guide hears, answers and acts: real speech, real models, real wires."""

import asyncio
import json
import time

import av
import numpy as np
import pytest

from therapy.talk import Utterance
from vr_world.streaming.client import HeadlessHeadset
from vr_world.streaming.control import Caption, Listen, Mic, Played, pack_client_text
from vr_world.streaming.protocol import Microphone, pack_microphone

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

#: What the patient says.
WISH = "Could you make the sea a little calmer, please?"


def packets_of(text: str) -> list[bytes]:
    """Return `text` in the packaged voice as a microphone would send it, with quiet round it."""
    from voice_guide.mouth import Mouth, _Encoder
    from voice_guide.voice import best_voice

    voice = best_voice("en").open("en")
    try:
        said = [
            packet.payload
            for packet in Mouth(lambda _language: voice).speak(
                Utterance(utterance=1, turn=0, text=text, source="line", language="en")
            )
        ]
    finally:
        voice.close()
    encoder = _Encoder()
    quiet = [encoder.encode(np.zeros(960, np.float32)) for _ in range(120)]
    return [*quiet[:40], *said, *quiet]


def decoded(payloads: list[bytes]) -> np.ndarray:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    frames = [frame for payload in payloads for frame in decoder.decode(av.Packet(payload))]
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


async def speak_and_listen(demo, cookie: str, packets: list[bytes], until) -> HeadlessHeadset:
    """Be a headset: play what comes (say so), and say `packets` once it is listened to."""
    async with HeadlessHeadset.connected(demo.origin, cookie, time.monotonic, pose_hz=10.0) as headset:
        await headset.say(pack_client_text(Mic(state="on")))

        async def ears() -> None:
            told: set[int] = set()
            while True:
                for received in list(headset.speech):
                    packet = received.message
                    if packet.last and packet.utterance not in told:
                        due_s = packet.play_at_s + 0.02
                        if time.monotonic() >= due_s:
                            told.add(packet.utterance)
                            ms = 20.0 * (packet.seq + 1)
                            played = Played(utterance=packet.utterance, ms=ms, done=True)
                            await headset.say(pack_client_text(played))
                await asyncio.sleep(0.05)

        async def mouth() -> None:
            while not any(isinstance(text, Listen) and text.on for text in headset.texts):
                await asyncio.sleep(0.05)
            begun_s = time.monotonic()
            for number, payload in enumerate(packets):
                await asyncio.sleep(max(begun_s + 0.02 * number - time.monotonic(), 0.0))
                packet = Microphone(seq=number + 1, client_ms=time.monotonic() * 1e3, payload=payload)
                await headset.say(pack_microphone(packet))

        listening = asyncio.create_task(ears())
        speaking = asyncio.create_task(mouth())
        try:
            async with asyncio.timeout(60.0):
                while not await asyncio.to_thread(until):
                    await asyncio.sleep(0.2)
        finally:
            listening.cancel()
            speaking.cancel()
            await asyncio.gather(listening, speaking, return_exceptions=True)
        return headset


def test_a_spoken_wish_is_heard_answered_by_voice_done_and_recorded(
    voice_ready: None,  # noqa: ARG001  # skips
    stillwater,
) -> None:
    demo = stillwater("--guide")
    demo.until(lambda state: state["guide"] and not state["guide"]["missing"], 90.0, "models are loaded")
    before = demo.state()["controls"]
    cookie = demo.headset_cookie()

    def answered() -> bool:
        state = demo.state()
        spoken = [line for line in state["guide"]["transcript"] if line["who"] == "patient"]
        moved = state["controls"]["weather"] < before["weather"] - 0.02 or "guide" in json.dumps(state["why"])
        return bool(spoken) and moved

    headset = asyncio.run(speak_and_listen(demo, cookie, packets_of(WISH), answered))
    state = demo.state()
    words = " ".join(
        line["text"].lower() for line in state["guide"]["transcript"] if line["who"] == "patient"
    )
    assert "calm" in words
    assert headset.speech, "an answer by voice"
    sound = decoded([received.message.payload for received in headset.speech])
    assert np.abs(sound).max() > 1000, "16-bit samples: not silence"
    assert [text.text for text in headset.texts if isinstance(text, Caption)]
    kinds = {event["type"] for event in demo.journal()}
    assert {"PatientSaid", "GuideSaid", "GuideActed"} <= kinds
