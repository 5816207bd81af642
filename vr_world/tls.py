"""A certificate authority of the clinic's own, made at first start, and a server certificate that it signs.

Browsers give WebXR, WebCodecs and microphones to secure contexts only. The authority is made once and can be
trusted once per headset; the server certificate is renewed at start when it nears its end or the machine's
names and addresses changed. Both keys can be read by their owner alone.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
import os
import socket
from pathlib import Path
from typing import Final

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Certificates", "ensure_certificates", "local_names"]

AUTHORITY_DAYS: Final = 3650
#: Browsers refuse server certificates that are valid for longer than 398 days (CA/Browser Forum).
SERVER_DAYS: Final = 397
RENEW_DAYS: Final = 30
_FOLDER: Final = "tls"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Files for the server, and the authority's certificate that a headset must trust."""

    authority: Path
    certificate: Path
    key: Path
    fingerprint_sha256: str


def local_names() -> tuple[str, ...]:
    """Return the names and addresses under which this machine may be reached."""
    addresses = {
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6) and "%" not in entry.address
    }
    name = socket.gethostname()
    return ("localhost", name, f"{name.split('.', maxsplit=1)[0]}.local", *sorted(addresses | {"127.0.0.1"}))


def ensure_certificates(home: Path, names: tuple[str, ...], now: dt.datetime) -> Certificates:
    """Return certificates under `home`, made or renewed as needed.

    Args:
        home: the server's folder.
        names: host names and IP addresses that the server certificate must hold.
        now: the time, with a time zone.
    """
    folder = home / _FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_path, authority_key_path = folder / "authority.crt", folder / "authority.key"
    if not (authority_path.exists() and authority_key_path.exists()):
        _make_authority(authority_path, authority_key_path, now)
    authority = x509.load_pem_x509_certificate(authority_path.read_bytes())
    certificate_path, key_path = folder / "server.crt", folder / "server.key"
    if not (key_path.exists() and _still_good(certificate_path, authority, names, now)):
        authority_key = serialization.load_pem_private_key(authority_key_path.read_bytes(), password=None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)  # noqa: S101  # we wrote it
        _make_server(certificate_path, key_path, authority, authority_key, names, now)
    return Certificates(
        authority=authority_path,
        certificate=certificate_path,
        key=key_path,
        fingerprint_sha256=authority.fingerprint(hashes.SHA256()).hex(":").upper(),
    )


def _make_authority(certificate_path: Path, key_path: Path, now: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Stillwater on {socket.gethostname()}"[:64])])
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_path, key)
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _make_server(
    certificate_path: Path,
    key_path: Path,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...],
    now: dt.datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    certificate = (
        _builder(subject, authority.subject, key.public_key(), now, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(issuer_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write_key(key_path, key)
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _still_good(path: Path, authority: x509.Certificate, names: tuple[str, ...], now: dt.datetime) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        certificate.issuer == authority.subject
        and certificate.not_valid_after_utc > now + dt.timedelta(days=RENEW_DAYS)
        and {_general_name(name) for name in names} <= set(held)
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
