"""The laws of the pattern algebra."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_engine.composer.patterns import (
    Event,
    Pattern,
    add,
    cat,
    choose,
    degrade,
    euclid,
    euclid_steps,
    every,
    fast,
    multiply,
    pure,
    scale,
    sequence,
    shift,
    silence,
    stack,
)

_LEAVES = st.one_of(
    st.integers(-9, 9).map(pure),
    st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=1, max_size=5).map(lambda v: sequence(*v)),
    st.builds(lambda seed: choose(seed, [1, 2, 3]), st.sampled_from("abc")),
    st.builds(
        lambda k, n, turn: euclid(k, n, 1, turn), st.integers(0, 8), st.integers(1, 8), st.integers(0, 7)
    ),
)


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Pattern[int]]:
    factors = st.sampled_from([Fraction(1, 2), Fraction(2, 3), Fraction(2), Fraction(3)])
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda p: stack(*p)),
        st.lists(inner, min_size=1, max_size=3).map(lambda p: sequence(*p)),
        st.lists(inner, min_size=1, max_size=3).map(lambda p: cat(*p)),
        st.builds(fast, st.one_of(factors, st.just(sequence(1, 2))), inner),
        st.builds(shift, st.sampled_from([Fraction(1, 3), Fraction(-5, 4)]), inner),
        st.builds(add, inner, inner),
        st.builds(lambda n, p: every(n, lambda q: fast(2, q), p), st.integers(1, 4), inner),
        st.builds(lambda p: every(2, Pattern.reversed_cycles, p), inner),
        st.builds(degrade, st.sampled_from("xyz"), st.floats(0, 1), inner),
    )


PATTERNS = st.recursive(_LEAVES, _grown, max_leaves=4)
TIMES = st.builds(Fraction, st.integers(-12, 36), st.integers(1, 9))


def heard(pattern: Pattern[Any], begin: Any = 0, end: Any = 4) -> Counter[Event[Any]]:
    return Counter(pattern.query(begin, end))


@settings(max_examples=60, deadline=None)
@given(PATTERNS, st.lists(TIMES, min_size=3, max_size=3).map(sorted))
def test_a_query_may_be_cut_anywhere(pattern: Pattern[int], times: list[Fraction]) -> None:
    a, b, c = times
    assert heard(pattern, a, b) + heard(pattern, b, c) == heard(pattern, a, c)
    assert all(a <= event.at < c for event in pattern.query(a, c))


@settings(max_examples=40, deadline=None)
@given(PATTERNS, PATTERNS, PATTERNS)
def test_stacking_is_associative_and_knows_no_order(
    p: Pattern[int], q: Pattern[int], r: Pattern[int]
) -> None:
    assert heard(stack(stack(p, q), r)) == heard(stack(p, stack(q, r))) == heard(stack(r, q, p))
    assert heard(stack(p, silence())) == heard(p)


@settings(max_examples=40, deadline=None)
@given(PATTERNS)
def test_what_is_undone_is_as_before(p: Pattern[int]) -> None:
    assert heard(fast(Fraction(1, 3), fast(3, p))) == heard(p)
    assert heard(shift(Fraction(-2, 7), shift(Fraction(2, 7), p))) == heard(p)
    assert heard(add(p, 0)) == heard(multiply(p, 1)) == heard(p)
    assert heard(degrade("d", 0.0, p)) == heard(p)
    assert not heard(degrade("d", 1.0, p))


@settings(max_examples=30, deadline=None)
@given(PATTERNS, st.permutations(list(range(6))))
def test_a_pattern_answers_the_same_in_whatever_order_it_is_asked(p: Pattern[int], order: list[int]) -> None:
    by_cycle = {cycle: p.query(cycle, cycle + 1) for cycle in order}
    assert [by_cycle[cycle] for cycle in range(6)] == [p.query(cycle, cycle + 1) for cycle in range(6)]


@settings(max_examples=30, deadline=None)
@given(PATTERNS, PATTERNS, PATTERNS)
def test_what_is_done_to_a_stack_is_done_to_each(p: Pattern[int], q: Pattern[int], r: Pattern[int]) -> None:
    assert heard(stack(p, q) + r) == heard(stack(p + r, q + r))
    assert heard(fast(2, stack(p, q))) == heard(stack(fast(2, p), fast(2, q)))


def values(pattern: Pattern[Any], begin: int = 0, end: int = 1) -> list[Any]:
    return [(event.at, event.value) for event in pattern.query(begin, end)]


def test_a_pattern_plus_a_pattern_takes_the_rhythm_of_the_first() -> None:
    third = Fraction(1, 3)
    assert values(sequence(0, 10, 20) + sequence(1, 2)) == [(0, 1), (third, 11), (2 * third, 22)]


def test_a_parameter_may_be_a_pattern() -> None:
    assert [len(euclid(cat(3, 5), 8, "x").query(c, c + 1)) for c in range(4)] == [3, 5, 3, 5]
    assert [len(fast(cat(1, 4), pure("x")).query(c, c + 1)) for c in range(4)] == [1, 4, 1, 4]
    kept = degrade("s", cat(0.0, 1.0), fast(8, pure("x")))
    assert [len(kept.query(c, c + 1)) for c in range(4)] == [8, 0, 8, 0]


def test_rests_rest() -> None:
    assert values(sequence(1, None, 2)) == [(0, 1), (Fraction(2, 3), 2)]
    assert sequence(1, None).at(Fraction(3, 4)) is None
    assert values(sequence() + 1) == []


def test_every_fourth_cycle_goes_backwards() -> None:
    tune = every(4, Pattern.reversed_cycles, sequence(1, 2, 3))
    assert [[v for _, v in values(tune, c, c + 1)] for c in range(5)] == [
        [3, 2, 1], [1, 2, 3], [1, 2, 3], [1, 2, 3], [3, 2, 1],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("onsets", "steps", "struck"),
    [(3, 8, "x..x..x."), (5, 8, "x.xx.xx."), (4, 4, "xxxx"), (0, 3, "..."), (9, 4, "xxxx")],
)
def test_euclids_rhythms(onsets: int, steps: int, struck: str) -> None:
    got = "".join("x" if s else "." for s in euclid_steps(onsets, steps))
    turned = {got[i:] + got[:i] for i in range(steps)}
    assert struck in turned
    assert got[0] == struck[0]


@given(st.integers(0, 16), st.integers(1, 16))
def test_a_euclidean_rhythm_is_as_even_as_can_be(onsets: int, steps: int) -> None:
    struck = [i for i, s in enumerate(euclid_steps(onsets, steps)) if s]
    assert len(struck) == min(onsets, steps)
    gaps = {(b - a - 1) % steps + 1 for a, b in zip(struck, struck[1:] + struck[:1], strict=True)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_steps_become_notes_of_the_scale() -> None:
    assert [v for _, v in values(scale(60, "dorian", sequence(0, 2, 7, -1)))] == [60, 63, 72, 58]
    changing = scale(60, cat("ionian", "aeolian"), pure(2))
    assert [changing.at(0), changing.at(1)] == [64, 63]


def test_each_seed_draws_its_own() -> None:
    draws = [[choose(seed, range(100)).at(c) for c in range(12)] for seed in "aab"]
    assert draws[0] == draws[1] != draws[2]
