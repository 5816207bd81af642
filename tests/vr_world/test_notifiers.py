import asyncio
import json
import sys

import pytest

from therapy.errors import BadValue, NotNotified
from therapy.ports import HelpCall
from vr_world.notifiers import LocalCommand, Webhook, notifier_from

CALL = HelpCall(room="2", kind="self_harm", channel="second", after_s=30.04)
SENT = {"service": "stillwater", "room": "2", "kind": "self_harm", "channel": "second", "after_s": 30.0}


async def hook(statuses):
    """Return a web server that answers with `statuses` in turn, and what it was sent."""
    got = []

    async def answer(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.split("\r\n") if "content-length" in line.lower()
        )
        got.append((head.split("\r\n")[0], json.loads(await reader.readexactly(length))))
        status = statuses[min(len(got), len(statuses)) - 1]
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nLocation: /other\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0), got


@pytest.mark.parametrize(("statuses", "reached"), [((204,), 1), ((500, 200), 2), ((500,), 0), ((302,), 0)])
async def test_a_web_hook_is_tried_twice_follows_no_redirect_and_sends_no_word(statuses, reached) -> None:
    server, got = await hook(statuses)
    async with server:
        to = Webhook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/page?key=secret", timeout_s=5.0)
        if reached:
            await to.notify(CALL)
        else:
            with pytest.raises(NotNotified, match=str(statuses[-1])) as refused:
                await to.notify(CALL)
            assert "secret" not in str(refused.value)
    assert got == [("POST /page?key=secret HTTP/1.1", SENT)] * (reached or 2)


async def test_nobody_there_is_said() -> None:
    server, _ = await hook((200,))
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(NotNotified, match=r"127\.0\.0\.1"):
        await Webhook(f"http://127.0.0.1:{port}/").notify(CALL)


@pytest.mark.parametrize("url", ["http://example.org/", "ftp://a/", "https://", "https://me:word@a/", "x"])
def test_patients_calls_go_over_tls_only(url) -> None:
    with pytest.raises(BadValue, match="https"):
        Webhook(url)


async def test_a_program_gets_the_call_and_no_shell_reads_it(tmp_path) -> None:
    out = tmp_path / "out; echo"
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    await LocalCommand((sys.executable, "-c", code, str(out))).notify(CALL)
    assert json.loads(out.read_text()) == SENT


@pytest.mark.parametrize(
    ("code", "why"), [("raise SystemExit(3)", "got 3"), ("import time; time.sleep(60)", "killed")]
)
async def test_a_program_that_fails_or_hangs_reached_nobody(code, why) -> None:
    with pytest.raises(NotNotified, match=why):
        await LocalCommand((sys.executable, "-c", code), timeout_s=0.5).notify(CALL)


def test_a_setting_names_either() -> None:
    assert isinstance(notifier_from("https://pager.example.org/x"), Webhook)
    assert isinstance(notifier_from(f"command:'{sys.executable}' -V"), LocalCommand)
    for wrong in ("command:", "command:no-such-program-here", "command:'a"):
        with pytest.raises(BadValue, match="second channel"):
            notifier_from(wrong)
