"""Certificates of a PACS and of those who ask it, made for one test."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path

import pytest

# OpenSSL 3 has SSL_get1_peer_certificate in its library, and the earlier name in its headers alone. Debian 12's
# civetweb looks the earlier name up in the library, does not find it and ends Orthanc at the first https request.
_MISSING = """
void *SSL_get1_peer_certificate(const void *);
void *SSL_get_peer_certificate(const void *connection) { return SSL_get1_peer_certificate(connection); }
"""


class Certificates:
    """PEM files of two authorities, a server and its clients.

    Attributes:
        authority, other: of the authorities.
        server: certificate and key of the PACS, for 127.0.0.1.
        old: the same, out of date.
        client: certificate and key that the PACS trusts.
        stranger: those that it does not, of the other authority.
    """

    def __init__(self, folder: Path) -> None:
        trustme = pytest.importorskip("trustme", reason="trustme, which makes certificates, is not installed")
        house, elsewhere = trustme.CA(), trustme.CA()
        long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        self.authority, self.other = folder / "authority.pem", folder / "other.pem"
        house.cert_pem.write_to_path(self.authority)
        elsewhere.cert_pem.write_to_path(self.other)
        made = {
            "server": house.issue_cert("127.0.0.1"),
            "old": house.issue_cert("127.0.0.1", not_before=long_ago, not_after=long_ago + datetime.timedelta(days=9)),
            "client": house.issue_cert("landmarks@pacs.example"),
            "stranger": elsewhere.issue_cert("landmarks@pacs.example"),
        }
        for name, certificate in made.items():
            certificate.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
        self.server, self.old = folder / "server.pem", folder / "old.pem"
        self.client, self.stranger = folder / "client.pem", folder / "stranger.pem"

    @property
    def right(self) -> dict[str, str]:
        """What the credentials of a PACS are given, so that both sides trust each other."""
        return {"certificate": str(self.client), "authority": str(self.authority)}


def library_folder(folder: Path) -> Path:
    """A folder with the system's libssl and libcrypto and the name that Debian 12's civetweb misses in them."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc, without which Debian 12's Orthanc cannot speak https, is not installed")
    folder.mkdir()
    for name, source in (("ssl", _MISSING), ("crypto", "")):
        (folder / f"{name}.c").write_text(source)
        command = [compiler, "-shared", "-fPIC", "-o", str(folder / f"lib{name}.so"), str(folder / f"{name}.c")]
        subprocess.run([*command, "-Wl,--no-as-needed", f"-l:lib{name}.so.3"], check=True)
    return folder
