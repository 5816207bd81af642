"""Patterns as an algebra: a pattern is a function of time, and whatever is done to one gives another.

Time counts in cycles, as exact fractions. `Pattern.query` answers what *starts* in a half-open span, so that
spans may be cut anywhere: what starts in `[a, b)` and then what starts in `[b, c)` is what starts in
`[a, c)`. A pattern has no memory. What is random draws from a generator of its own, made anew from its seed
and the place in time, so that the same seed answers the same, in whatever order it is asked.

A parameter may be a pattern too: `fast(sequence(1, 2), p)`. It is read with `at`, the value that sounds then.

```
tune = add(scale(60, "dorian", sequence(0, 2, 4, 2)), every(4, Pattern.reversed_cycles, sequence(0, 7)))
```
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final, Generic, TypeAlias, TypeVar

from audio_engine.composer.chance import chance
from audio_engine.composer.theory import pitch

__all__ = [
    "Event",
    "Pattern",
    "Span",
    "add",
    "as_pattern",
    "cat",
    "choose",
    "degrade",
    "euclid",
    "euclid_steps",
    "every",
    "fast",
    "multiply",
    "pure",
    "scale",
    "sequence",
    "shift",
    "silence",
    "stack",
]

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
Time: TypeAlias = Fraction | int
#: A longer look back for what sounds now would only find what has long ended.
_LONGEST_CYCLES: Final = 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event(Generic[T]):
    """`value` starts at cycle `at` and lasts `lasts` cycles."""

    at: Fraction
    lasts: Fraction
    value: T

    @property
    def end(self) -> Fraction:
        """When it ends, in cycles."""
        return self.at + self.lasts


Span: TypeAlias = tuple[Fraction, Fraction]


@dataclasses.dataclass(frozen=True, slots=True)
class Pattern(Generic[T]):
    """A function from a span of cycles to the events that start in it, in order of time.

    Attributes:
        events: asked with `begin` and `end`; use `query`, which checks and sorts.
    """

    events: Callable[[Fraction, Fraction], list[Event[T]]]

    def query(self, begin: Time, end: Time) -> list[Event[T]]:
        """Return the events that start in `[begin, end)` cycles, in order of time."""
        begin, end = Fraction(begin), Fraction(end)
        return sorted(self.events(begin, end), key=lambda e: e.at) if begin < end else []

    def at(self, time: Time) -> T | None:
        """Return the value that sounds at `time` (the newest, if several do), or `None` in a rest."""
        now = Fraction(time)
        tick = Fraction(1, 1 << 40)
        back = Fraction(1)
        while back <= _LONGEST_CYCLES:
            sounding = [e for e in self.query(now - back, now + tick) if e.at <= now < e.end]
            if sounding:
                return sounding[-1].value
            back *= 4
        return None

    def map(self, function: Callable[[T], U]) -> Pattern[U]:
        """Return the same rhythm with `function` of each value."""
        return Pattern(lambda b, e: [_with_value(x, function(x.value)) for x in self.query(b, e)])

    def where(self, keep: Callable[[Event[T]], bool]) -> Pattern[T]:
        """Return only the events that `keep` accepts."""
        return Pattern(lambda b, e: [x for x in self.query(b, e) if keep(x)])

    def reversed_cycles(self) -> Pattern[T]:
        """Return each cycle backwards. An event that outlasts its cycle ends where that cycle began."""

        def turned(cycle: int) -> list[Event[T]]:
            found = []
            for x in self.query(cycle, cycle + 1):
                end = min(x.end, Fraction(cycle + 1))
                found.append(Event(at=2 * cycle + 1 - end, lasts=end - x.at, value=x.value))
            return found

        return _by_cycle(turned)

    def __add__(self: Pattern[Any], other: Any) -> Pattern[Any]:
        """Return `add(self, other)`."""
        return add(self, other)

    def __mul__(self: Pattern[Any], other: Any) -> Pattern[Any]:
        """Return `multiply(self, other)`."""
        return multiply(self, other)


def _with_value(event: Event[Any], value: U) -> Event[U]:
    return Event(at=event.at, lasts=event.lasts, value=value)


def _by_cycle(events_of: Callable[[int], list[Event[T]]]) -> Pattern[T]:
    """Return a pattern from what starts in each whole cycle."""

    def events(begin: Fraction, end: Fraction) -> list[Event[T]]:
        cycles = range(math.floor(begin), math.ceil(end))
        return [x for cycle in cycles for x in events_of(cycle) if begin <= x.at < end]

    return Pattern(events)


def silence() -> Pattern[Any]:
    """Return the pattern of nothing."""
    return Pattern(lambda _b, _e: [])


def pure(value: T) -> Pattern[T]:
    """Return `value` once a cycle, a whole cycle long."""
    return _by_cycle(lambda cycle: [Event(at=Fraction(cycle), lasts=Fraction(1), value=value)])


def as_pattern(value: Pattern[T] | T) -> Pattern[T]:
    """Return `value` if it is a pattern, else `pure(value)`; `None` is a rest."""
    if isinstance(value, Pattern):
        return value
    return silence() if value is None else pure(value)


def stack(*patterns: Pattern[T]) -> Pattern[T]:
    """Return all of them at once."""
    return Pattern(lambda b, e: [x for pattern in patterns for x in pattern.query(b, e)])


def cat(*parts: Pattern[T] | T) -> Pattern[T]:
    """Return one part a cycle, in turn; each goes on where it was when its turn comes again."""
    if not parts:
        return silence()
    patterns = [as_pattern(part) for part in parts]

    def turn(cycle: int) -> list[Event[T]]:
        which, own = cycle % len(patterns), cycle // len(patterns)
        moved = cycle - own
        return [
            Event(at=x.at + moved, lasts=x.lasts, value=x.value) for x in patterns[which].query(own, own + 1)
        ]

    return _by_cycle(turn)


def sequence(*parts: Pattern[T] | T) -> Pattern[T]:
    """Return all parts in each cycle, one after the other, each in an equal share of it; `None` rests."""
    return _faster(Fraction(len(parts)), cat(*parts)) if parts else silence()


def fast(factor: Pattern[Any] | Time, pattern: Pattern[T]) -> Pattern[T]:
    """Return `pattern` `factor` times as fast (a fraction under 1 slows it). A rest in `factor` is a rest.

    A patterned factor is read at the start of each cycle.
    """
    if not isinstance(factor, Pattern):
        return _faster(Fraction(factor), pattern)
    by = factor

    def sped(cycle: int) -> list[Event[T]]:
        now = by.at(cycle)
        return [] if now is None else _faster(Fraction(now), pattern).query(cycle, cycle + 1)

    return _by_cycle(sped)


def _faster(factor: Fraction, pattern: Pattern[T]) -> Pattern[T]:
    if factor <= 0:
        return silence()
    return Pattern(
        lambda b, e: [
            Event(at=x.at / factor, lasts=x.lasts / factor, value=x.value)
            for x in pattern.query(b * factor, e * factor)
        ]
    )


def shift(later: Time, pattern: Pattern[T]) -> Pattern[T]:
    """Return `pattern`, `later` cycles later (earlier if negative)."""
    by = Fraction(later)
    return Pattern(
        lambda b, e: [
            Event(at=x.at + by, lasts=x.lasts, value=x.value) for x in pattern.query(b - by, e - by)
        ]
    )


def every(
    cycles: Pattern[int] | int, change: Callable[[Pattern[T]], Pattern[T]], pattern: Pattern[T]
) -> Pattern[T]:
    """Return `pattern`, in every so many cycles (counted from cycle 0) with `change` made to it."""
    period, changed = as_pattern(cycles), change(pattern)

    def chosen(cycle: int) -> list[Event[T]]:
        n = period.at(cycle)
        return (changed if n and cycle % n == 0 else pattern).query(cycle, cycle + 1)

    return _by_cycle(chosen)


def euclid_steps(onsets: int, steps: int, turn: int = 0) -> tuple[bool, ...]:
    """Return `steps` places of which `onsets` are struck, as evenly as can be (Bjorklund; Toussaint 2005).

    `turn` starts the necklace that many places later.
    """
    onsets = min(max(onsets, 0), steps)
    struck = [(i * onsets) % steps < onsets for i in range(steps)] if steps else []
    turn = turn % steps if steps else 0
    return tuple(struck[turn:] + struck[:turn])


def euclid(
    onsets: Pattern[int] | int, steps: int, pattern: Pattern[T] | T, turn: Pattern[int] | int = 0
) -> Pattern[T]:
    """Return the value that `pattern` has then on each struck place of a Euclidean rhythm, one cycle long."""
    how_many, turned, values = as_pattern(onsets), as_pattern(turn), as_pattern(pattern)

    def rhythm(cycle: int) -> list[Event[T]]:
        struck = euclid_steps(how_many.at(cycle) or 0, steps, turned.at(cycle) or 0)
        found = []
        for place, strike in enumerate(struck):
            at = cycle + Fraction(place, steps)
            value = values.at(at) if strike else None
            if value is not None:
                found.append(Event(at=at, lasts=Fraction(1, steps), value=value))
        return found

    return _by_cycle(rhythm)


def choose(seed: str, values: Sequence[T], weights: Sequence[float] | None = None) -> Pattern[T]:
    """Return one of `values` each cycle, drawn by a generator of its own from `seed` and the cycle."""
    return _by_cycle(
        lambda cycle: [
            Event(
                at=Fraction(cycle),
                lasts=Fraction(1),
                value=chance(seed, "choose", cycle).choices(values, weights)[0],
            )
        ]
    )


def degrade(seed: str, share: Pattern[float] | float, pattern: Pattern[T]) -> Pattern[T]:
    """Return `pattern` without about a `share` (0 … 1) of its events; `seed` and time say which."""
    lost = as_pattern(share)

    def kept(event: Event[T]) -> bool:
        draw = chance(seed, "degrade", str(event.at)).random()
        return draw >= (lost.at(event.at) or 0.0)

    return pattern.where(kept)


def _combine(
    function: Callable[[Any, Any], V], left: Pattern[Any] | Any, right: Pattern[Any] | Any
) -> Pattern[V]:
    """Return `left`'s rhythm with `function` of its value and of the one that `right` has then."""
    rhythm, other = as_pattern(left), as_pattern(right)

    def events(begin: Fraction, end: Fraction) -> list[Event[V]]:
        found: list[Event[V]] = []
        for event in rhythm.query(begin, end):
            beside = other.at(event.at)
            if beside is not None:
                found.append(_with_value(event, function(event.value, beside)))
        return found

    return Pattern(events)


def add(left: Pattern[Any] | Any, right: Pattern[Any] | Any) -> Pattern[Any]:
    """Return the rhythm of `left`, its values plus those that `right` has then; a rest in either rests."""
    return _combine(lambda a, b: a + b, left, right)


def multiply(left: Pattern[Any] | Any, right: Pattern[Any] | Any) -> Pattern[Any]:
    """Return the rhythm of `left`, its values times those that `right` has then; a rest in either rests."""
    return _combine(lambda a, b: a * b, left, right)


def scale(tonic: int, mode: Pattern[str] | str, steps: Pattern[int]) -> Pattern[int]:
    """Return `steps` (counted along the scale) as MIDI notes of `mode` above the MIDI note `tonic`."""
    return _combine(lambda step, name: pitch(tonic, name, step), steps, mode)
