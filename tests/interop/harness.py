"""What the tests of mixed fleets and the benchmark share: candidates and peers as processes.

Times here are guards against hangs, never measures.
"""

import contextlib
import json
import signal
import subprocess
import threading
import time

from host import HANG


class Process(subprocess.Popen):
    """A candidate or a peer: tells what happens by lines of JSON, and stops when told to."""

    def __init__(self, *command, env=None):
        self.events = []
        self.changed = threading.Condition()
        self.killed_at = None
        super().__init__(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )
        self.readers = [threading.Thread(target=self.read_events), threading.Thread(target=self.read_errors)]
        self.errors = ""
        for reader in self.readers:
            reader.start()

    def read_events(self):
        for line in self.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.events.append({"event": "ended", "at": time.monotonic_ns(), "epoch": 0})
            self.changed.notify_all()

    def read_errors(self):
        for line in self.stderr:
            self.errors += line

    def named(self, name):
        with self.changed:
            return [event for event in self.events if event["event"] == name]

    def wait_for(self, name, count=1, timeout=HANG):
        """The event of this name, the count-th of them."""

        def there():
            return len(self.named(name)) >= count or self.events[-1:] and self.events[-1]["event"] == "ended"

        with self.changed:
            self.changed.wait_for(there, timeout)
        found = self.named(name)
        assert len(found) >= count, f"{self.args}: no {name} number {count}: {self.events} {self.errors}"
        return found[count - 1]

    def tell_stop(self):
        self.stdin.write("stop\n")
        self.stdin.flush()

    def stop(self):
        """Gracefully, to the end."""
        self.tell_stop()
        self.wait_for("stopped")
        return self.end()

    def crash(self):
        self.killed_at = time.monotonic_ns()
        self.kill()
        self.end()

    def pause(self):
        self.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.send_signal(signal.SIGCONT)

    def end(self):
        code = self.wait(HANG)
        for reader in self.readers:
            reader.join(HANG)
        for file in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(OSError):
                file.close()
        assert "Sanitizer" not in self.errors and "runtime error:" not in self.errors, self.errors
        return code

    def terms(self):
        """(from, to, epoch) for which it certainly led, as far as it could tell."""
        terms, since = [], None
        for event in list(self.events):
            if event["event"] == "elected":
                since = event
            elif event["event"] == "lost" and since:
                terms.append((since["at"], event["at"], since["epoch"]))
                since = None
        if since:
            terms.append((since["at"], since["at"], since["epoch"]))
        return terms


def overlaps(processes):
    """Pairs of terms of which each began before the other had ended."""
    terms = sorted((term, number) for number, process in enumerate(processes) for term in process.terms())
    found = []
    for index, (one, owner) in enumerate(terms):
        found += [(one, two) for two, other in terms[index + 1 :] if two[0] < one[1] and other != owner]
    return found
