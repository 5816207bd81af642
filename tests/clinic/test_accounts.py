from __future__ import annotations

import threading
from pathlib import Path

import pytest
from small_clinic import PASSWORD, Clinic
from sqlalchemy import select

from clinic.accounts import IDLE_S, LONGEST_S, Accounts
from clinic.errors import BadRequest, NotSignedIn, Refused, TooManyTries
from clinic.limiter import TryLimiter
from clinic.store import open_store
from clinic.tables import Account, SignInSession


def test_the_first_start_makes_a_code_and_an_account_takes_it_away(fresh: Clinic) -> None:
    code = fresh.accounts.setup_code
    assert code is not None
    assert len(code) == 9
    token = fresh.accounts.set_up(code.lower().replace("-", " "), PASSWORD, "here")
    assert fresh.accounts.session(token).account == "therapist"
    assert fresh.accounts.setup_code is None
    assert fresh.accounts.is_set_up()
    with pytest.raises(Refused, match="exists already"):
        fresh.accounts.set_up(code, PASSWORD, "here")


def test_codes_differ_from_start_to_start(fresh: Clinic) -> None:
    again = Accounts(fresh.store, utc_s=fresh.clock, now_s=fresh.clock)
    assert again.setup_code != fresh.accounts.setup_code


def test_a_wrong_code_makes_no_account(fresh: Clinic) -> None:
    with pytest.raises(NotSignedIn, match="set-up code"):
        fresh.accounts.set_up("2222-2222", PASSWORD, "here")
    assert not fresh.accounts.is_set_up()


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "10 to 256 characters, got 5"),
        ("x" * 257, "got 257"),
        ("aaaaaaaaaaaaaaa", "4 or more different characters, got 1"),
    ],
)
def test_a_poor_password_is_refused_without_costing_a_try(fresh: Clinic, password: str, says: str) -> None:
    code = fresh.accounts.setup_code or ""
    for _ in range(10):
        with pytest.raises(BadRequest, match=says):
            fresh.accounts.set_up(code, password, "here")
    fresh.accounts.set_up(code, PASSWORD, "here")


def test_two_who_set_up_at_once_make_one_account(fresh: Clinic) -> None:
    code = fresh.accounts.setup_code or ""
    outcomes: list[str] = []

    def try_it(address: str) -> None:
        try:
            fresh.accounts.set_up(code, PASSWORD, address)
            outcomes.append("made")
        except Refused:
            outcomes.append("refused")

    threads = [threading.Thread(target=try_it, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
    with fresh.store.reading() as db:
        assert len(db.scalars(select(Account)).all()) == 1


def test_the_database_holds_neither_password_nor_token(clinic: Clinic) -> None:
    token = clinic.accounts.sign_in(PASSWORD, "here")
    with clinic.store.reading() as db:
        account = db.scalars(select(Account)).one()
        hashes = db.scalars(select(SignInSession.token_hash)).all()
    assert account.password_hash.startswith("$argon2id$")
    assert PASSWORD not in account.password_hash
    assert all(token not in digest and len(digest) == 64 for digest in hashes)


def test_the_default_hash_is_a_costly_one(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db.sqlite")
    accounts = Accounts(store, utc_s=lambda: 0.0, now_s=lambda: 0.0)
    accounts.set_up(accounts.setup_code or "", PASSWORD, "here")
    with store.reading() as db:
        parameters = db.scalars(select(Account.password_hash)).one().split("$")[3]
    store.close()
    costs = dict(part.split("=") for part in parameters.split(","))
    # OWASP's floor for Argon2id: 19 MiB with two passes
    assert int(costs["m"]) >= 19 * 1024
    assert int(costs["t"]) >= 2


def test_an_account_hashed_cheaply_is_hashed_anew_at_sign_in(clinic: Clinic) -> None:
    dearer = Accounts(clinic.store, utc_s=clinic.clock, now_s=clinic.clock)
    dearer.sign_in(PASSWORD, "here")
    with clinic.store.reading() as db:
        assert "m=8," not in db.scalars(select(Account.password_hash)).one()
    dearer.sign_in(PASSWORD, "here")


def test_accents_are_the_same_however_the_keyboard_makes_them(fresh: Clinic) -> None:
    fresh.accounts.set_up(fresh.accounts.setup_code or "", "caf\u00e9 au bord de l'eau", "here")
    assert fresh.accounts.sign_in("cafe\u0301 au bord de l'eau", "here")


@pytest.mark.parametrize("wrong", ["", "quiet water under star", "x" * 100_000, "\x00" * 20])
def test_a_wrong_password_opens_nothing(clinic: Clinic, wrong: str) -> None:
    with pytest.raises(NotSignedIn, match="wrong password"):
        clinic.accounts.sign_in(wrong, "here")


def test_a_session_ends_when_nobody_is_there(clinic: Clinic) -> None:
    token = clinic.accounts.sign_in(PASSWORD, "here")
    for _ in range(5):
        clinic.clock.s += IDLE_S - 1
        clinic.accounts.session(token)
    clinic.clock.s += IDLE_S
    assert not clinic.accounts.peek(token)
    with pytest.raises(NotSignedIn, match="without activity"):
        clinic.accounts.session(token)
    clinic.clock.s -= IDLE_S  # a clock set back does not bring it to life again
    with pytest.raises(NotSignedIn):
        clinic.accounts.session(token)


def test_looking_is_not_activity(clinic: Clinic) -> None:
    token = clinic.accounts.sign_in(PASSWORD, "here")
    clinic.clock.s += IDLE_S - 1
    assert clinic.accounts.peek(token)
    clinic.clock.s += 1
    assert not clinic.accounts.peek(token)


def test_after_a_working_day_one_signs_in_again(clinic: Clinic) -> None:
    token = clinic.accounts.sign_in(PASSWORD, "here")
    end = clinic.clock.s + LONGEST_S
    while clinic.clock.s < end - 600:
        clinic.clock.s += 600
        clinic.accounts.session(token)
    clinic.clock.s = end
    with pytest.raises(NotSignedIn):
        clinic.accounts.session(token)


def test_signing_out_ends_one_browser_and_not_the_other(clinic: Clinic) -> None:
    here, there = clinic.accounts.sign_in(PASSWORD, "a"), clinic.accounts.sign_in(PASSWORD, "b")
    clinic.accounts.sign_out(here)
    with pytest.raises(NotSignedIn, match="sign in first"):
        clinic.accounts.session(here)
    assert clinic.accounts.session(there)


@pytest.mark.parametrize("token", [None, "", "nonsense", "é" * 50])
def test_a_made_up_token_is_nobody(clinic: Clinic, token: str | None) -> None:
    with pytest.raises(NotSignedIn):
        clinic.accounts.session(token)


def test_sessions_outlive_the_server(clinic: Clinic, tmp_path: Path) -> None:
    token = clinic.accounts.sign_in(PASSWORD, "here")
    clinic.store.close()
    store = open_store(tmp_path / "clinic.sqlite")
    later = Accounts(store, utc_s=clinic.clock, now_s=clinic.clock)
    assert later.setup_code is None
    assert later.session(token).account == "therapist"
    store.close()


def test_old_sessions_are_swept_out(clinic: Clinic) -> None:
    clinic.accounts.sign_in(PASSWORD, "here")
    clinic.clock.s += LONGEST_S + 1
    clinic.accounts.sign_in(PASSWORD, "here")
    with clinic.store.reading() as db:
        assert len(db.scalars(select(SignInSession)).all()) == 1


def test_guessing_costs_waiting_and_the_right_one_forgives(clinic: Clinic) -> None:
    for _ in range(2):
        with pytest.raises(NotSignedIn):
            clinic.accounts.sign_in("wrong wrong", "a")
    clinic.accounts.sign_in(PASSWORD, "a")
    for _ in range(3):
        with pytest.raises(NotSignedIn):
            clinic.accounts.sign_in("wrong wrong", "a")
    with pytest.raises(TooManyTries) as stopped:
        clinic.accounts.sign_in(PASSWORD, "a")
    assert 1 <= stopped.value.retry_after_s <= 60
    clinic.clock.s += stopped.value.retry_after_s
    clinic.accounts.sign_in(PASSWORD, "a")


def test_a_limit_of_one_place_leaves_others_alone_until_all_have_guessed_too_much() -> None:
    limiter = TryLimiter(per_address=3, overall=5, window_s=60.0)
    for _ in range(3):
        limiter.admit("192.0.2.1", 0.0)
    with pytest.raises(TooManyTries):
        limiter.admit("192.0.2.1", 10.0)
    limiter.admit("192.0.2.2", 10.0)
    limiter.admit("192.0.2.3", 20.0)
    with pytest.raises(TooManyTries) as stopped:
        limiter.admit("192.0.2.4", 30.0)
    assert stopped.value.retry_after_s == 30
    limiter.admit("192.0.2.4", 60.0)


def test_a_neighbourhood_of_ipv6_addresses_is_one_place() -> None:
    limiter = TryLimiter(per_address=2, overall=50, window_s=60.0)
    limiter.admit("2001:db8:1:2::1", 0.0)
    limiter.admit("2001:db8:1:2:ffff::9", 0.0)
    with pytest.raises(TooManyTries):
        limiter.admit("2001:db8:1:2:3:4:5:6", 0.0)
    limiter.admit("2001:db8:1:3::1", 0.0)


def test_a_refused_try_does_not_prolong_the_wait() -> None:
    limiter = TryLimiter(per_address=1, overall=50, window_s=60.0)
    limiter.admit("a", 0.0)
    for at_s in range(1, 60):
        with pytest.raises(TooManyTries):
            limiter.admit("a", float(at_s))
    limiter.admit("a", 60.0)
