from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_world.streaming import join
from vr_world.streaming.errors import CodeTaken, GroupFull, JoinRefused, TooManyTries, WrongCode
from vr_world.streaming.join import JoinDesk


def desk(codes: Iterable[int] = range(111_111, 999_999, 1001)) -> JoinDesk:
    drawn, serial = iter(codes), itertools.count()
    return JoinDesk(lambda _: next(drawn), lambda: f"secret-{next(serial)}")


def test_a_headset_joins_with_the_code_that_the_panel_shows() -> None:
    d = desk()
    code = d.issue("1", now_s=0.0)
    joined, secret = d.redeem(code.code, peer="a", secret=None, now_s=30.0)
    assert joined.room == "1"
    assert d.who(secret, now_s=31.0) == joined == d.in_room("1", now_s=31.0)
    assert secret not in repr(joined)


def test_a_code_has_six_digits_with_its_leading_zeros_and_may_be_typed_with_spaces() -> None:
    d = desk([42])
    assert d.issue("1", now_s=0.0).code == "000042"
    assert d.redeem(" 000 042 ", peer="a", secret=None, now_s=1.0)[0].room == "1"


def test_a_code_expires() -> None:
    d = desk()
    code = d.issue("1", now_s=0.0)
    assert code.expires_at_s == join.CODE_VALID_S
    assert d.open_code("1", now_s=join.CODE_VALID_S - 0.001) == code
    assert d.open_code("1", now_s=join.CODE_VALID_S) is None
    with pytest.raises(WrongCode):
        d.redeem(code.code, peer="a", secret=None, now_s=join.CODE_VALID_S)


def test_a_code_is_for_one_headset() -> None:
    d = desk()
    code = d.issue("1", now_s=0.0).code
    joined, secret = d.redeem(code, peer="a", secret=None, now_s=1.0)
    assert d.open_code("1", now_s=1.0) is None
    for other in (None, "", "guess"):
        with pytest.raises(CodeTaken):
            d.redeem(code, peer="b", secret=other, now_s=2.0)
    assert d.redeem(code, peer="a", secret=secret, now_s=2.0) == (joined, secret)


def test_a_new_code_voids_the_old_one_and_a_new_headset_replaces_the_old_one() -> None:
    d = desk()
    first = d.issue("1", now_s=0.0).code
    second = d.issue("1", now_s=1.0).code
    with pytest.raises(WrongCode):
        d.redeem(first, peer="a", secret=None, now_s=2.0)
    _, old = d.redeem(second, peer="a", secret=None, now_s=2.0)
    third = d.issue("1", now_s=3.0).code
    assert d.who(old, now_s=3.0) is not None, "a new code alone puts nobody out"
    new_joined, new = d.redeem(third, peer="b", secret=None, now_s=4.0)
    assert d.who(old, now_s=4.0) is None
    assert d.who(new, now_s=4.0) == new_joined


def test_rooms_do_not_disturb_each_other() -> None:
    d = desk()
    one, two = d.issue("1", now_s=0.0), d.issue("2", now_s=0.0)
    _, secret_one = d.redeem(one.code, peer="a", secret=None, now_s=1.0)
    joined_two, _ = d.redeem(two.code, peer="a", secret=None, now_s=1.0)
    assert joined_two.room == "2"
    d.close_room("2")
    assert d.who(secret_one, now_s=2.0) is not None
    assert d.in_room("2", now_s=2.0) is None


def test_the_end_of_a_session_puts_its_headset_out() -> None:
    d = desk()
    code = d.issue("1", now_s=0.0).code
    _, secret = d.redeem(code, peer="a", secret=None, now_s=1.0)
    d.issue("1", now_s=2.0)
    d.close_room("1")
    assert d.who(secret, now_s=2.0) is None
    assert d.open_code("1", now_s=2.0) is None
    with pytest.raises(WrongCode):
        d.redeem(code, peer="a", secret=secret, now_s=3.0)


def test_joining_ends_after_a_day_at_the_latest() -> None:
    d = desk()
    _, secret = d.redeem(d.issue("1", now_s=0.0).code, peer="a", secret=None, now_s=1.0)
    assert d.who(secret, now_s=join.JOINED_VALID_S) is not None
    assert d.who(secret, now_s=1.0 + join.JOINED_VALID_S) is None


def test_one_peer_may_guess_a_few_times_a_minute() -> None:
    d = desk()
    code = d.issue("1", now_s=0.0).code
    for i in range(join.TRIES_PER_PEER):
        with pytest.raises(WrongCode):
            d.redeem("000000", peer="guesser", secret=None, now_s=float(i))
    with pytest.raises(TooManyTries) as refused:
        d.redeem(code, peer="guesser", secret=None, now_s=10.0)
    assert refused.value.retry_after_s == pytest.approx(50.0)
    assert refused.value.status == 429
    assert d.redeem(code, peer="patient", secret=None, now_s=10.0)[0].room == "1"


def test_after_the_wait_that_was_asked_for_a_peer_may_try_again() -> None:
    d = desk()
    code = d.issue("1", now_s=0.0).code
    for _ in range(join.TRIES_PER_PEER):
        with pytest.raises(WrongCode):
            d.redeem("000000", peer="a", secret=None, now_s=0.0)
    with pytest.raises(TooManyTries) as refused:
        d.redeem(code, peer="a", secret=None, now_s=5.0)
    assert d.redeem(code, peer="a", secret=None, now_s=5.0 + refused.value.retry_after_s)[0].room == "1"


def test_many_peers_together_are_limited_too() -> None:
    d = desk()
    d.issue("1", now_s=0.0)
    for i in range(join.TRIES_IN_ALL):
        with pytest.raises(WrongCode):
            d.redeem("000000", peer=f"peer-{i}", secret=None, now_s=1.0)
    with pytest.raises(TooManyTries):
        d.redeem("000000", peer="one-more", secret=None, now_s=1.0)


def test_a_taken_code_is_drawn_again() -> None:
    d = desk([5, 5, 6])
    d.issue("1", now_s=0.0)
    assert d.issue("2", now_s=0.0).code == "000006"


@given(st.lists(st.tuples(st.text(max_size=8), st.sampled_from("ab"), st.floats(0.0, 3.0)), max_size=60))
def test_no_guess_without_the_code_ever_joins(guesses: Any) -> None:
    d = desk([123_456])
    d.issue("1", now_s=0.0)
    now_s = 0.0
    for guess, peer, wait_s in guesses:
        now_s += wait_s
        if "".join(guess.split()) == "123456":
            continue
        with pytest.raises(JoinRefused):
            d.redeem(guess, peer=peer, secret=None, now_s=now_s)
    assert d.in_room("1", now_s=now_s) is None


def test_a_groups_second_code_lets_a_second_headset_in_beside_the_first() -> None:
    d = desk()
    _, first = d.redeem(d.issue("1", 0.0, group=True).code, peer="a", secret=None, now_s=1.0)
    _, second = d.redeem(d.issue("1", 2.0, group=True).code, peer="b", secret=None, now_s=3.0)
    assert None not in (d.who(first, 4.0), d.who(second, 4.0))
    assert d.who(first, 4.0) != d.who(second, 4.0)


def test_each_code_of_a_group_lets_one_headset_in() -> None:
    d = desk()
    code = d.issue("1", 0.0, group=True).code
    d.redeem(code, peer="a", secret=None, now_s=1.0)
    with pytest.raises(CodeTaken):
        d.redeem(code, peer="b", secret=None, now_s=2.0)


def test_a_full_group_refuses_one_more_and_keeps_the_code_open() -> None:
    d = desk()
    for n in range(join.GROUP_MOST):
        d.redeem(d.issue("1", n, group=True).code, peer="a", secret=None, now_s=n)
    code = d.issue("1", 20.0, group=True).code
    with pytest.raises(GroupFull, match=f"at most {join.GROUP_MOST} headsets, it has {join.GROUP_MOST}"):
        d.redeem(code, peer="a", secret=None, now_s=21.0)
    assert d.open_code("1", 22.0) is not None
