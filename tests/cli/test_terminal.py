"""In the foreground of a terminal: keys go to the command, and the terminal comes back."""

import contextlib
import os
import pty
import signal
import sys

import pytest
from conftest import threads
from host import HANG, until


def has_pty():
    try:
        for fd in pty.openpty():
            os.close(fd)
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_pty(), reason="this machine has no pseudo-terminals")


class Terminal:
    """elect run as the foreground job of a terminal, started by a small shell of ours."""

    def __init__(self, box, *args):
        self.text = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(args[0], list(args), box.env)
        os.set_blocking(self.fd, False)

    def read(self):
        with contextlib.suppress(OSError):
            self.text += os.read(self.fd, 4096)
        return self.text.decode(errors="replace")

    def wait_for(self, word):
        try:
            until(lambda: word in self.read(), f"{word!r} on the terminal")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.read()}") from None

    def key(self, character):
        os.write(self.fd, character)

    def end(self):
        def ended():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (status,) if pid else None

        return until(ended, "the end")[0]


def test_the_command_reads_from_the_terminal(box):
    terminal = Terminal(box, box.command, "run", "job", "--", "sh", "-c", 'echo ready; read line; echo "got $line"')
    terminal.wait_for("ready")
    terminal.key(b"hello\n")
    terminal.wait_for("got hello")
    assert os.waitstatus_to_exitcode(terminal.end()) == 0


# exec: a shell that is just starting another process may swallow the signal (dash does).
def test_ctrl_c_ends_the_command_and_us_by_int(box):
    terminal = Terminal(
        box, box.command, "run", "--restart=always", "job", "--", "sh", "-c", "echo ready; exec sleep 1000"
    )
    terminal.wait_for("ready")
    terminal.key(b"\x03")
    assert os.waitstatus_to_exitcode(terminal.end()) == -signal.SIGINT
    assert box.run("status", "job")[0] == 1


def test_ctrl_c_while_waiting_ends_us(box):
    leader = box.start("run", "--hold", "1h", "job", "--", "true")
    until(lambda: box.run("status", "job")[0] == 0, "a leader")
    terminal = Terminal(box, box.command, "run", "job", "--", "true")
    until(lambda: threads(terminal.pid) > 1, "the second candidate")
    terminal.key(b"\x03")
    assert os.waitstatus_to_exitcode(terminal.end()) == -signal.SIGINT
    leader.terminate()
    leader.end()


def test_the_terminal_comes_back(box):
    script = (
        "import os,subprocess,sys\n"
        "before = os.tcgetpgrp(0)\n"
        "code = subprocess.call(sys.argv[1:])\n"
        "print('back' if os.tcgetpgrp(0) == before == os.getpgrp() else 'stolen', code, flush=True)\n"
    )
    terminal = Terminal(box, sys.executable, "-c", script, box.command, "run", "job", "--", "sh", "-c", "exit 5")
    terminal.wait_for("back 5")
    terminal.end()


def test_ctrl_z_stops_both_and_the_lease_runs_out(box):
    """A shell with job control sees the stop; the guard kills the command when its lease is over."""
    script = (
        "import os,signal,subprocess,sys\n"
        "signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os.setpgid(0, 0)\n"
        "    os.tcsetpgrp(0, os.getpid())\n"
        "    signal.signal(signal.SIGTTOU, signal.SIG_DFL)\n"
        "    os.execv(sys.argv[1], sys.argv[1:])\n"
        "_, status = os.waitpid(pid, os.WUNTRACED)\n"
        "os.tcsetpgrp(0, os.getpgrp())\n"
        "print('stopped' if os.WIFSTOPPED(status) else 'ended', flush=True)\n"
        "_, status = os.waitpid(pid, 0)\n"
        "print('then', os.waitstatus_to_exitcode(status), flush=True)\n"
    )
    terminal = Terminal(
        box,
        sys.executable,
        "-c",
        script,
        box.command,
        "run",
        "--lock-ttl",
        "4s",
        "job",
        "--",
        "sh",
        "-c",
        "echo ready; exec sleep 1000",
    )
    terminal.wait_for("ready")
    terminal.key(b"\x1a")
    terminal.wait_for("stopped")
    terminal.wait_for(f"then {-signal.SIGKILL}")
    terminal.end()
    until(lambda: box.left() == [], "the end of the group")
    assert box.run("run", "--wait", f"{HANG}s", "job", "--", "true")[0] == 0
