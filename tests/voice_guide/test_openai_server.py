"""A server with OpenAI's chat interface, played by a real HTTP server that does as it is told."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from mind_kit import briefing

from therapy.talk import GuideMode, Proposal
from voice_guide.think import NoMind, NotUsable, Sentence, ThinkSettings, Thought, backends

GOOD = (
    '{"say":"Take your time. The sea is here.",'
    '"actions":[{"do":"set","control":"light","value":0.4}],"rating":40}'
)


class Server:
    """Answers each request by `play`, a function of the handler; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, object]]] = []
        self.play: Callable[[http.server.BaseHTTPRequestHandler], None] = says(GOOD)
        self.left = threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append((self.path, dict(self.headers), json.loads(body)))
                with contextlib.suppress(OSError):  # the client may leave
                    server.play(self)
                server.left.set()

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def mind(self, **settings: object):
        usual = {"server_url": self.url, "server_model": "m", "server_key": "secret-key"}
        return backends()["openai_server"].open(ThinkSettings(**{**usual, **settings}))


def events(handler: http.server.BaseHTTPRequestHandler, status: int = 200) -> Callable[[object], None]:
    handler.send_response(status)
    handler.send_header("Content-Type", "text/event-stream")
    handler.end_headers()

    def send(data: object) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        handler.wfile.write(f"data: {text}\n\n".encode())
        handler.wfile.flush()

    return send


def piece(text: str) -> dict[str, object]:
    return {"id": "x", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def says(text: str, size: int = 7, end: str = "stop") -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def play(handler: http.server.BaseHTTPRequestHandler) -> None:
        send = events(handler)
        handler.wfile.write(b": a comment\n\nevent: message\n")
        send({"choices": [{"delta": {"role": "assistant", "content": None}}]})
        for at in range(0, len(text), size):
            send(piece(text[at : at + size]))
        send({"choices": [{"delta": {}, "finish_reason": end}]})
        send({"choices": [], "usage": {"total_tokens": 9}})
        send("[DONE]")

    return play


@pytest.fixture
def server() -> Iterator[Server]:
    playing = Server()
    thread = threading.Thread(target=playing.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield playing
    playing.http.shutdown()
    playing.http.server_close()
    thread.join()


def thoughts(mind, mode: GuideMode = GuideMode.FREE) -> list[Thought]:
    return list(mind.think(briefing(mode)))


def test_sentences_come_first_and_then_the_whole(server: Server) -> None:
    first, second, last = thoughts(server.mind())
    assert first == Sentence(turn=7, text="Take your time.")
    assert second == Sentence(turn=7, text="The sea is here.")
    assert isinstance(last, Proposal)
    assert (last.say, last.rating, last.backend) == ("Take your time. The sea is here.", 40, "openai_server")


def test_the_server_is_asked_with_the_schema_and_the_key(server: Server) -> None:
    thoughts(server.mind())
    ((path, headers, body),) = server.asked
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret-key"
    assert body["stream"] is True
    form = body["response_format"]
    assert form["type"] == "json_schema"
    assert next(iter(form["json_schema"]["schema"]["properties"])) == "say"
    assert "PATIENT SAYS" in body["messages"][1]["content"]


def test_a_sentence_is_there_before_the_answer_is_complete(server: Server) -> None:
    heard = threading.Event()

    def play(handler: http.server.BaseHTTPRequestHandler) -> None:
        send = events(handler)
        send(piece('{"say":"Take your time. '))
        assert heard.wait(5.0), "the first sentence must not wait for the second"
        send(piece('The sea is here.","actions":[]}'))
        send("[DONE]")

    server.play = play
    came = server.mind().think(briefing(GuideMode.FREE))
    assert next(came) == Sentence(turn=7, text="Take your time.")
    heard.set()
    assert isinstance([*came][-1], Proposal)


def test_a_line_is_chosen(server: Server) -> None:
    server.play = says('{"line":"anxious.here","actions":[]}')
    (only,) = thoughts(server.mind(), GuideMode.APPROVED)
    assert isinstance(only, Proposal)
    assert (only.line_id, only.say) == ("anxious.here", "Take your time.")


@pytest.mark.parametrize(
    ("play", "why"),
    [
        (lambda h: h.send_error(500), "must answer 200, answers 500"),
        (lambda h: h.send_error(401), "answers 401"),
        (lambda h: h.wfile.write(b"what?\r\n\r\n"), "server failed"),
        (lambda h: events(h)("not json"), "server failed"),
        (lambda h: events(h)([1, 2]), "server failed"),
        (lambda _: None, "server failed"),
        (events, "not an answer"),
        (says("Sure, here you are!"), "not an answer"),
        (says(GOOD[:-9]), "not an answer"),
        (says(GOOD[:40], end="length"), "cut at max_tokens"),
        (says('{"say":"' + "sea " * 200), "goes round"),
        (says("".join(map(chr, range(300, 5000))), size=900), "more than 4000 characters"),
    ],
)
def test_whatever_a_server_does_wrong_is_not_usable(server: Server, play, why: str) -> None:
    server.play = play
    last = thoughts(server.mind())[-1]
    assert isinstance(last, NotUsable)
    assert why in last.reason
    assert "secret-key" not in last.reason


def test_a_silent_server_is_left_before_the_scripted_line_is_due(server: Server) -> None:
    stays = threading.Event()

    def play(handler: http.server.BaseHTTPRequestHandler) -> None:
        events(handler)(piece('{"say":"Ta'))
        stays.wait(10.0)

    server.play = play
    began_s = time.monotonic()
    (only,) = thoughts(server.mind(stall_s=0.2, speak_by_s=0.4))
    took_s = time.monotonic() - began_s
    stays.set()
    assert isinstance(only, NotUsable)
    assert "no token for" in only.reason
    assert took_s < 5.0, "it did not wait for the server"


def test_a_thought_that_is_called_off_leaves_the_server(server: Server) -> None:
    stays = threading.Event()

    def play(handler: http.server.BaseHTTPRequestHandler) -> None:
        events(handler)(piece('{"say":"Ta'))
        stays.wait(10.0)

    server.play = play
    off = threading.Event()
    came = server.mind().think(briefing(GuideMode.FREE), cancelled=off.is_set)
    off.set()
    (only,) = came
    stays.set()
    assert only == NotUsable(turn=7, reason="called off", backend="openai_server")
    assert not [t for t in threading.enumerate() if t.name == "language model server"]


def test_a_server_that_is_not_there_is_not_usable() -> None:
    mind = backends()["openai_server"].open(
        ThinkSettings(server_url="http://127.0.0.1:9/v1", server_model="m", connect_s=0.5)
    )
    (only,) = thoughts(mind)
    assert isinstance(only, NotUsable)
    assert "ConnectionRefusedError" in only.reason


def test_no_server_is_asked_where_no_model_may_be(server: Server) -> None:
    (only,) = thoughts(server.mind(), GuideMode.SCRIPTED)
    assert isinstance(only, NotUsable)
    assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://127.0.0.1/v1",
        "http://models.example/v1",
        "http://10.0.0.5:8000/v1",
        "http://127.0.0.1:x/v1",
    ],
)
def test_words_of_patients_go_only_to_this_machine_or_over_https(url: str) -> None:
    with pytest.raises(NoMind):
        backends()["openai_server"].open(ThinkSettings(server_url=url, server_model="m"))


def test_https_off_this_machine_is_fine_and_the_key_is_never_shown() -> None:
    settings = ThinkSettings(
        server_url="https://models.example/v1", server_model="m", server_key="secret-key"
    )
    backends()["openai_server"].open(settings).close()
    assert "secret-key" not in repr(settings)
