"""What the tests of the command over Redis share: the server, the page's rights, certificates."""

import pathlib
import re
import subprocess

from server import Client, Refused, Server, server

__all__ = ["Client", "PAGE", "Refused", "Server", "certificates", "least", "page_rights", "server"]

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "redis.md").read_text()
USER, PASSWORD = "elect", "least"


def page_rights():
    """The words of the page's line: keys and channels, and commands."""
    line = re.search(r"^    ACL SETUSER elect on >PASSWORD (.*)$", PAGE, re.MULTILINE).group(1)
    return line.split()


def least(one, *words, user=USER):
    """Makes a user with these rights, or with the page's; answers the URL that bears it."""
    one.ask("ACL", "SETUSER", user, "reset", "on", f">{PASSWORD}", *(words or page_rights()))
    return f"redis://{user}:{PASSWORD}@127.0.0.1:{one.port}"


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certificates(folder):
    """ca.pem, and server.pem with server.key for 127.0.0.1."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=tests")
    openssl(folder, "req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(
        folder,
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "2", "-extfile", "names", "-out", "server.pem"),
    )
