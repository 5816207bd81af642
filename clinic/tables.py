"""The database's tables. A change here needs a migration in `clinic/migrations/versions/`."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Double, ForeignKey, Index, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "Account",
    "Base",
    "ContextRow",
    "GuideMemoryAccessRow",
    "GuideMemoryRow",
    "GuideNoteRow",
    "SessionRow",
    "SignInSession",
    "SoundDoseRow",
]


class Base(DeclarativeBase):
    """All tables of the clinic. Constraint names are fixed, so that migrations can speak of them."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {float: Double()}
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Account(Base):
    """Someone who may sign in. Only an Argon2id hash of the password is kept."""

    __tablename__ = "account"

    account_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    created_utc_s: Mapped[float]


class SignInSession(Base):
    """One signed-in browser. Only a SHA-256 of its token is kept: a stolen database opens no session."""

    __tablename__ = "sign_in_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.account_id", ondelete="CASCADE"), index=True)
    created_utc_s: Mapped[float]
    last_seen_utc_s: Mapped[float]
    expires_utc_s: Mapped[float]


class SessionRow(Base):
    """One therapy session: where its folder is and how it ended. `screening` is JSON."""

    __tablename__ = "session_index"
    __table_args__ = (Index("ix_session_index_started_utc_s", "started_utc_s"),)

    session_id: Mapped[str] = mapped_column(primary_key=True)
    room: Mapped[str]
    patient: Mapped[str]
    plan_id: Mapped[str]
    folder: Mapped[str]
    screening: Mapped[str]
    started_utc_s: Mapped[float]
    ended_utc_s: Mapped[float | None]
    outcome: Mapped[str]


class ContextRow(Base):
    """One value of the slow channel; its unit is that of its kind (`clinic.slow`)."""

    __tablename__ = "context_value"

    patient: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    start_utc_s: Mapped[float] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    end_utc_s: Mapped[float]
    value: Mapped[float]


class SoundDoseRow(Base):
    """The sound of one session: its share of a week's allowance (`therapy.dose`), and when."""

    __tablename__ = "sound_dose"
    __table_args__ = (Index("ix_sound_dose_patient", "patient"),)

    session_id: Mapped[str] = mapped_column(primary_key=True)
    patient: Mapped[str]
    at_utc_s: Mapped[float]
    share: Mapped[float]


class GuideMemoryRow(Base):
    """Whether the guide may remember anything of a patient, and when the two first met (`clinic.memory`)."""

    __tablename__ = "guide_memory"

    patient: Mapped[str] = mapped_column(primary_key=True)
    consent: Mapped[bool]
    consent_utc_s: Mapped[float | None]
    met_utc_s: Mapped[float | None]


class GuideNoteRow(Base):
    """One short note: proposed after a session, or kept by a therapist. Never words of the patient."""

    __tablename__ = "guide_note"
    __table_args__ = (Index("ix_guide_note_patient", "patient"),)

    note_id: Mapped[int] = mapped_column(primary_key=True)
    patient: Mapped[str]
    text: Mapped[str]
    kept: Mapped[bool]
    at_utc_s: Mapped[float]


class GuideMemoryAccessRow(Base):
    """Who looked at, changed or erased a patient's memory, and when; never what stood in it."""

    __tablename__ = "guide_memory_access"
    __table_args__ = (Index("ix_guide_memory_access_patient", "patient"),)

    access_id: Mapped[int] = mapped_column(primary_key=True)
    patient: Mapped[str]
    at_utc_s: Mapped[float]
    actor: Mapped[str]
    what: Mapped[str]


class PatientFigureRow(Base):
    """What one session measured of its patient and later sessions begin with (`clinic.figures`)."""

    __tablename__ = "patient_figure"
    __table_args__ = (Index("ix_patient_figure_patient", "patient"),)

    session_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    patient: Mapped[str]
    at_utc_s: Mapped[float]
    value: Mapped[float]
    why: Mapped[str]
