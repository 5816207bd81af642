"""The clinic's own authority: made once, kept private, and its server certificate is believed by TLS."""

import datetime as dt
import socket
import ssl
import stat
import threading

from vr_world.tls import ensure_certificates, local_names

NOW = dt.datetime.now(dt.UTC)
NAMES = ("localhost", "127.0.0.1", "10.1.2.3")


def shake_hands(certificates, name: str) -> str:
    """Return the TLS version that a client which trusts only our authority agrees on with our server."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates.certificate, certificates.key)
    client = ssl.create_default_context(cafile=str(certificates.authority))
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with ours, server.wrap_socket(ours, server_side=True) as connection:
            connection.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    with theirs, client.wrap_socket(theirs, server_hostname=name) as connection:
        version = connection.version()
        connection.send(b"x")
    thread.join()
    return version


def test_a_client_that_trusts_the_authority_believes_every_name(tmp_path) -> None:
    certificates = ensure_certificates(tmp_path, NAMES, NOW)
    for name in NAMES:
        assert shake_hands(certificates, name) == "TLSv1.3"


def test_keys_can_be_read_by_their_owner_alone(tmp_path) -> None:
    certificates = ensure_certificates(tmp_path, NAMES, NOW)
    for path in (certificates.key, certificates.authority.with_suffix(".key")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_authority_stays_while_the_server_is_renewed(tmp_path) -> None:
    first = ensure_certificates(tmp_path, NAMES, NOW)
    authority, server = first.authority.read_bytes(), first.certificate.read_bytes()
    assert ensure_certificates(tmp_path, NAMES, NOW).certificate.read_bytes() == server
    later = ensure_certificates(tmp_path, NAMES, NOW + dt.timedelta(days=380))
    assert later.authority.read_bytes() == authority
    assert later.certificate.read_bytes() != server
    moved = ensure_certificates(tmp_path, (*NAMES, "10.9.9.9"), NOW)
    assert shake_hands(moved, "10.9.9.9") == "TLSv1.3"
    assert moved.fingerprint_sha256 == first.fingerprint_sha256


def test_this_machine_has_names() -> None:
    assert {"localhost", "127.0.0.1"} <= set(local_names())
