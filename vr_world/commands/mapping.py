"""`stillwater devices --map` and `--publish`: say what a stream is, and turn a device into streams."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Final

import typer
from rich.console import Console

from sensors import lsl
from sensors.estimators import by_stream_type
from sensors.ingest import stream_kind
from sensors.outlets import CONTROLS_KIND
from sensors.pins import Pin, load_pins, save_pins
from therapy.discover import declared
from therapy.errors import BadValue
from therapy.specs import DeviceSpec
from vr_world.settings import data_folder

__all__ = ["map_streams", "publish_device"]

LOOK_S: Final = 1.5
_SKIP: Final = "-"


def map_streams(*, lan: bool) -> None:
    """Ask for each stream in sight what it is and whose; write the table that `serve` reads."""
    lsl.configure("default", lan=lan)
    console = Console(highlight=False)
    home = data_folder()
    before = load_pins(home)
    found = [source for source in lsl.visible_streams(LOOK_S) if source.kind != CONTROLS_KIND]
    if not found:
        raise BadValue("LSL streams in sight", "at least 1: start the sensor first", 0)
    kinds = sorted(by_stream_type())
    console.print(f"Types that are understood: {', '.join(kinds)}. {_SKIP} leaves a stream out.")
    lines: list[Pin] = []
    for source in found:
        known = next((line for line in before if line.names(source.name, source.source_id)), None)
        guess = known.kind if known else stream_kind(source.kind)
        console.print(
            f"\n{source.name}  (type {source.kind or 'none'}, {source.channels} channels, "
            f"{source.rate_hz:g} Hz, source id {source.source_id or 'none'}, on {source.host})"
        )
        kind = _ask_kind(kinds, guess if guess in kinds else _SKIP)
        if kind == _SKIP:
            continue
        room = typer.prompt("  room", default=known.room if known else "1")
        lines.append(Pin(stream=source.source_id or source.name, kind=kind, room=room))
    elsewhere = [line for line in before if not any(line.names(s.name, s.source_id) for s in found)]
    path = save_pins(home, (*lines, *elsewhere))
    kept = f", {len(elsewhere)} kept from before" if elsewhere else ""
    console.print(
        f"\n{len(lines)} streams named{kept}: {path}. It holds from the next `stillwater serve` on."
    )


def _ask_kind(kinds: list[str], guess: str) -> str:
    while True:
        said = str(typer.prompt("  type", default=guess)).strip()
        if said == _SKIP or stream_kind(said) in kinds:
            return said if said == _SKIP else stream_kind(said)
        typer.echo(f"  type must be one of {', '.join(kinds)} or {_SKIP}, got {said!r}")


def publish_device(text: str, *, lan: bool) -> None:
    """Publish a device until Ctrl-C."""
    name, _, what = text.partition(":")
    devices = declared("sensors.devices", "DEVICE", DeviceSpec)
    device = devices.get(name)
    if device is None or device.publish is None:
        able = ", ".join(each.name for each in devices.values() if each.publish is not None)
        raise BadValue("--publish", f"one of {able}", name)
    if trouble := device.available():
        raise BadValue(f"device {name}", "usable here", trouble)
    lsl.configure("default", lan=lan)
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    Console(highlight=False).print(f"Publishing {device.title}; Ctrl-C ends it.")
    device.publish(what, stop)
