"""TLS that is not as one side wants it."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from bad import ENDS, NOT_ELECTED, REFUSED, UNREACHABLE, calm, command, complaint, elected
from checker import Lease
from clocks import Clock
from host import HANG
from servers import Server
from stage import Candidate, Stage


class Papers:
    """An authority, and what it signs."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.ca = stage.folder / f"{name}-ca.pem"
        self.key = stage.folder / f"{name}-ca.key"
        self._openssl("req", "-x509", "-keyout", self.key, "-out", self.ca, "-subj", f"/CN={name}")

    def _openssl(self, *words: object) -> None:
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        argv = ["openssl", *map(str, words), *new]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=HANG)
        assert done.returncode == 0, done.stderr

    def server(self, name: str, host: str, *more: str) -> Server:
        """One whose certificate is for host."""
        cert, key = self.stage.folder / f"{name}.pem", self.stage.folder / f"{name}.key"
        signed = ["-CA", self.ca, "-CAkey", self.key, "-addext", f"subjectAltName={host}"]
        self._openssl("req", "-x509", "-keyout", key, "-out", cert, "-subj", f"/CN={name}", *signed)
        tls = ["--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file", str(self.ca)]
        return self.stage.server(name, *tls, *(more or ("--tls-auth-clients", "no")), tcp=True)


@pytest.fixture
def papers(stage: Stage) -> Papers:
    return Papers(stage, "right")


def in_tls(stage: Stage, server: Server, ca: pathlib.Path | None) -> tuple[Candidate, str]:
    """Plain without an authority."""
    proxy = stage.proxy(("127.0.0.1", server.port))
    url = f"{'rediss' if ca else 'redis'}://127.0.0.1:{proxy.port}"
    options = [f"tls_ca_file={ca}"] if ca else []
    candidate = stage.candidate("a", "restart_grace=0", *options, store=url)
    return candidate, url


def test_tls_as_it_should_be(stage: Stage, papers: Papers) -> None:
    stage.lease = Lease(10_000, 1000)  # it leads while the command tries
    candidate, url = in_tls(stage, papers.server("store", "IP:127.0.0.1"), papers.ca)
    candidate.await_("elected")
    ended, _ = command(stage, url, "--tls-ca-file", str(papers.ca))
    assert ended == NOT_ELECTED
    candidate.ask("stop")
    assert candidate.ask("join 20000").rest == "ELECT_OK"
    ended, said = command(stage, url, "--tls-ca-file", str(papers.ca), wait=ENDS)
    assert ended == 0, said
    assert not stage.verdict().violations()


def test_tls_with_another_authority(stage: Stage, papers: Papers) -> None:
    """Its file is read at each connect: the right one is taken when it is there."""
    trusted = stage.folder / "trusted.pem"
    trusted.write_text(Papers(stage, "other").ca.read_text())
    candidate, url = in_tls(stage, papers.server("store", "IP:127.0.0.1"), trusted)
    complaint(candidate, "certificate")
    calm(candidate)
    ended, said = command(stage, url, "--tls-ca-file", str(trusted))
    assert ended in (REFUSED, UNREACHABLE) and "certificate" in said, f"{ended}: {said}"
    trusted.write_text(papers.ca.read_text())
    elected(stage, candidate)


def test_tls_with_another_host_name(stage: Stage, papers: Papers) -> None:
    server = papers.server("wrong", "DNS:db.example")
    right = papers.server("store", "IP:127.0.0.1")
    candidate, url = in_tls(stage, server, papers.ca)
    complaint(candidate, "127.0.0.1")
    complaint(candidate, "certificate")
    calm(candidate)
    ended, said = command(stage, url, "--tls-ca-file", str(papers.ca))
    assert ended in (REFUSED, UNREACHABLE) and "certificate" in said, f"{ended}: {said}"
    ended, said = command(stage, url, "--tls-ca-file", str(papers.ca), "--tls-server-name", "db.example", wait=ENDS)
    assert ended == 0, said
    assert candidate.proxy
    candidate.proxy.move(("127.0.0.1", right.port))
    elected(stage, candidate)


def test_tls_with_a_certificate_of_long_ago(stage: Stage, papers: Papers) -> None:
    """Or rather: of a host whose clock is wrong, until it is set."""
    server = papers.server("store", "IP:127.0.0.1")
    clock = Clock(stage.folder / "clock")
    clock.step_wall(40 * 86400)
    proxy = stage.proxy(("127.0.0.1", server.port))
    url = f"rediss://127.0.0.1:{proxy.port}"
    candidate = stage.candidate("a", "restart_grace=0", f"tls_ca_file={papers.ca}", store=url, env=clock.env)
    complaint(candidate, "expired")
    calm(candidate)
    clock.step_wall(-40 * 86400)
    elected(stage, candidate)


def test_tls_that_asks_for_a_certificate_of_ours(stage: Stage, papers: Papers) -> None:
    """The server says so after the handshake, and may hang up before that is read: in one of several tries it is."""
    server = papers.server("strict", "IP:127.0.0.1", "--tls-auth-clients", "yes")
    right = papers.server("store", "IP:127.0.0.1")
    candidate, url = in_tls(stage, server, papers.ca)
    complaint(candidate, "certificate")
    calm(candidate)
    ended, said = command(stage, url, "--tls-ca-file", str(papers.ca))
    assert ended in (REFUSED, UNREACHABLE), f"{ended}: {said}"
    assert candidate.proxy
    candidate.proxy.move(("127.0.0.1", right.port))
    elected(stage, candidate)


def test_plain_to_a_server_in_tls(stage: Stage, papers: Papers) -> None:
    server = papers.server("tls", "IP:127.0.0.1")
    plain = stage.server()
    candidate, url = in_tls(stage, server, None)
    complaint(candidate, "127.0.0.1")
    calm(candidate)
    ended, said = command(stage, url)
    assert ended == UNREACHABLE and "127.0.0.1" in said, f"{ended}: {said}"
    assert candidate.proxy
    candidate.proxy.move(plain.path)
    elected(stage, candidate)


def test_tls_to_a_plain_server(stage: Stage, papers: Papers) -> None:
    plain = stage.server("plain", tcp=True)
    right = papers.server("store", "IP:127.0.0.1")
    candidate, url = in_tls(stage, plain, papers.ca)
    complaint(candidate, "TLS")
    calm(candidate)
    ended, said = command(stage, url, "--tls-ca-file", str(papers.ca))
    assert ended == UNREACHABLE and "TLS" in said, f"{ended}: {said}"
    assert candidate.proxy
    candidate.proxy.move(("127.0.0.1", right.port))
    elected(stage, candidate)
