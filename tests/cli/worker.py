"""A command for `elect run`: writes its life into a journal, each beat with its time, until it is ended.

worker.py JOURNAL [WORD...]: deaf (ignores TERM), family (a child in its group, one in a session of its own)
"""

import os
import signal
import sys
import time

JOURNAL, WORDS = sys.argv[1], set(sys.argv[2:])
EPOCH = os.environ["ELECT_EPOCH"]


def write(fd, word):
    os.write(fd, f"{word} {EPOCH} {time.clock_gettime_ns(time.CLOCK_BOOTTIME)} {os.getpid()}\n".encode())


def main():
    fd = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    word = "start"
    if "deaf" in WORDS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "family" in WORDS:
        if os.fork() == 0:
            word = "child"
        elif os.fork() == 0:
            os.setsid()
            if os.fork() != 0:
                os._exit(0)
            word = "orphan"
    write(fd, word)
    while True:
        time.sleep(0.002)
        write(fd, "beat")


main()
