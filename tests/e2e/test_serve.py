"""`stillwater serve`: a clinic's first start, over TLS with the clinic's own authority."""

import asyncio
import json
import ssl
import subprocess
import sys
import time

import httpx
import pytest
from test_lived_session import until

from vr_world.streaming.client import HeadlessHeadset, join

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_a_first_start_a_password_and_a_headset_over_tls(stillwater) -> None:
    server = stillwater("serve", "--port", "0", "--tls-port", "0", "--host", "127.0.0.1")
    code = server.said(r"with the code (\S+)")
    authority = server.said(r"headsets trust (\S+) once")
    server.said(r"(Ctrl-C)")
    port = server.said(r"Headset page\s+https://[^:]+:(\d+)/")
    origin = f"https://localhost:{port}"
    trust = ssl.create_default_context(cafile=authority)

    with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
        httpx.get(origin)
    panel = httpx.Client(
        base_url=origin, verify=trust, headers={"x-stillwater": "1", "origin": origin}, timeout=20
    )
    assert panel.get("/api/account").json()["set_up"] is False
    wrong = panel.post("/api/account/setup", json={"setup_code": "2222-2222", "password": "a long password"})
    assert wrong.status_code == 401
    weak = panel.post("/api/account/setup", json={"setup_code": code, "password": "short"})
    assert weak.status_code == 400
    done = panel.post("/api/account/setup", json={"setup_code": code, "password": "a long password"})
    assert done.status_code == 200
    assert "Secure" in done.headers["set-cookie"]

    body = {"plan_id": "first-visit", "patient": "0142", "screening": {"present": [], "override_reason": ""}}
    nowhere = panel.post("/api/rooms/1/session", json={**body, "scene": "nowhere"})
    assert nowhere.status_code == 409
    assert "place must be one of" in nowhere.json()["error"]
    body["scene"] = "ocean"
    end_s = time.monotonic() + 60
    while (
        opened := panel.post("/api/rooms/1/session", json=body)
    ).status_code == 409 and time.monotonic() < end_s:
        time.sleep(0.2)  # the room's process is still starting, and says so
    assert opened.json()["phase"] == "READY"
    assert panel.post("/api/rooms/1/session", json=body).status_code == 409, "one session at a time"
    cookie = join(origin, opened.json()["join"]["code"], trust)

    async def look() -> None:
        async with HeadlessHeadset.connected(origin, cookie, time.monotonic, trust=trust) as headset:
            await until(lambda: len(headset.frames) > 3 and len(headset.packets) > 50)
            assert all(item.message.safe for item in headset.frames[:3]), "nothing is shown before it begins"

    asyncio.run(look())
    assert panel.post("/api/rooms/1/commands", json={"command": "begin"}).json()["phase"] == "RUNNING"
    panel.close()
    server.close()
    assert server.process.returncode == 0
    [folder] = (server.home / "sessions").iterdir()
    assert (folder / "SHA256SUMS").exists(), "a server that ends closes its recordings"
    moves = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    assert [m["data"]["cause"] for m in moves if m["type"] == "MachineMoved"][-1] == "the server is ending"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("demo", "--replay", "no-such-file.xdf"), "no-such-file.xdf"),
        (("demo", "--replay", "sample:nothing"), "sample"),
        (("demo", "--plan", "nothing"), "--plan must be one of"),
        (("demo", "--seconds", "soon"), "--seconds"),
        (("render", "nowhere", "--out", "x.png"), "ocean"),
        (("render", "ocean", "--set", "light", "--out", "x.png"), "NAME=VALUE"),
        (("sound", "--set", "tempo_bpm=400", "--out", "x.wav"), "40…96"),
        (("sound", "--out", "x.mp3"), ".wav"),
        (("analyze", "no-such-file.xdf", "--out", "x"), "no-such-file.xdf"),
        (("bench", "nothing"), "benchmark must be one of"),
        (("dance",), "dance"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(tmp_path, arguments: tuple[str, ...], message: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from vr_world.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 2
    assert len(run.stderr.strip().splitlines()) == 1, run.stderr
    assert message in run.stderr
