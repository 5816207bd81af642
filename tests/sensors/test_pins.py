"""The table of streams: what it names is read, everything else is not."""

import pytest

from sensors.errors import BadPins
from sensors.lsl import Source
from sensors.pins import FILE, Pin, Pins, load_pins, save_pins


def source(name: str, source_id: str = "", kind: str = "EEG") -> Source:
    return Source(
        key=name,
        uid="u",
        name=name,
        kind=kind,
        source_id=source_id,
        host="h",
        channels=1,
        rate_hz=100.0,
        value_format="float32",
    )


LINES = (Pin(stream="polar-*", kind="ECG"), Pin(stream="belt", kind="Respiration", room="2"))


def test_without_a_table_everything_is_what_it_says():
    assert Pins().kind_of(source("any")) == "EEG"


def test_a_table_names_what_is_read_as_what_and_by_whom():
    first, second = Pins(lines=LINES), Pins(lines=LINES, room="2")
    assert first.kind_of(source("strap", "polar-A0")) == "ECG"
    assert first.kind_of(source("belt")) is None
    assert second.kind_of(source("belt")) == "Respiration"
    assert first.kind_of(source("injected", kind="ECG")) is None


def test_a_network_without_a_table_steers_nothing():
    assert Pins(strict=True).kind_of(source("injected", kind="ECG")) is None


def test_the_table_survives_the_disk(tmp_path):
    assert load_pins(tmp_path) == ()
    save_pins(tmp_path / "home", LINES)
    assert load_pins(tmp_path / "home") == LINES


@pytest.mark.parametrize(
    "text",
    ["stream = 3", '[[stream]]\nstream = "x"', '[[stream]]\nstream = ""\nkind = "ECG"', "not toml at all ["],
)
def test_a_table_that_cannot_be_read_is_refused_with_its_name(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BadPins, match=r"streams\.toml"):
        load_pins(tmp_path)
