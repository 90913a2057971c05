"""Stores that can't be used: a clear error, the right exit code, nothing left running."""

import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile

import pytest
from host import until

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="needs root")


def refused(box, *words, store=None, **more):
    args = ["run", "--wait", "5s", "--store", store or box.store, "job", "--", "true"]
    code, out, err = box.run(*args, **more)
    assert code == 78, err
    assert not out and "Traceback" not in err
    for word in words:
        assert word in err
    return err


def as_nobody():
    os.setgid(65534)
    os.setuid(65534)


def test_a_store_that_only_a_program_can_serve(box):
    refused(box, "custom:", "must be another one", store="custom:")


def test_a_parent_that_does_not_exist(box):
    refused(box, "parent directory", store=f"local:{box.path}/a/b/c")


def test_a_symbolic_link(box):
    (box.path / "real").mkdir(mode=0o700)
    (box.path / "store").symlink_to(box.path / "real")
    refused(box, "symbolic link")


def test_a_file(box):
    (box.path / "store").write_text("")
    refused(box, "directory")


def test_a_folder_that_others_may_write(box):
    (box.path / "store").mkdir()
    (box.path / "store").chmod(0o777)
    refused(box, "0777")


@needs_root
def test_a_folder_of_somebody_else(box):
    (box.path / "store").mkdir(mode=0o700)
    os.chown(box.path / "store", 65534, 65534)
    refused(box, "user 65534")


@needs_root
def test_an_unreadable_folder(box):
    # Not below pytest's own folders, which nobody but us may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        store = folder / "store"
        store.mkdir()
        os.chown(store, 65534, 65534)
        store.chmod(0)
        command = folder / "elect"
        shutil.copy(box.command, command)
        command.chmod(0o755)
        box.command = str(command)
        refused(box, "denied", store=f"local:{store}", preexec_fn=as_nobody, cwd=folder)


@needs_root
def test_a_file_system_that_is_not_known_to_lock(box):
    refused(
        box,
        "file system",
        "allow_filesystem",
        store="local:/dev/mqueue" if os.path.ismount("/dev/mqueue") else "local:/proc",
    )


@pytest.fixture
def small(box):
    """A file system of 64 KiB."""
    if not ROOT:
        pytest.skip("needs root")
    folder = box.path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", folder], check=False, capture_output=True
    )
    if done.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_read_only_file_system(box, small):
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    code, _, err = box.run("run", "--wait", "2s", "--store", f"local:{small}", "job", "--", "true")
    assert code == 69 and "read-only" in err


def test_a_full_disk_is_waited_for(box, small):
    filler = small / "filler"
    with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    run = box.start("run", "--store", f"local:{small}", "job", "--", "echo", "up")
    until(lambda: "no space" in run.said(), "the complaint")
    code, _, err = box.run("run", "--wait", "2s", "--store", f"local:{small}", "job", "--", "true")
    assert code == 69 and "no space" in err
    filler.unlink()
    assert run.end() == 0 and run.printed() == "up\n"


def test_no_descriptors_are_waited_for(box):
    """Each for an election of its own, at once, for those that have too few wait."""
    runs = {
        limit: box.start(
            *("run", "--wait", "4s", f"job-{limit}", "--", "true"),
            preexec_fn=lambda n=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)),
        )
        for limit in range(4, 16)
    }
    for limit, run in runs.items():
        code = run.end()
        assert code in (0, 69), f"{limit} descriptors: {code}: {run.said()}"
        if code == 69:
            assert "open files" in run.said()
        assert box.run("status", f"job-{limit}")[0] == 1


def record(box):
    assert box.run("run", "job", "--", "true")[0] == 0
    return next(path for path in (box.path / "store").iterdir() if path.name.startswith("job"))


def test_a_truncated_record(box):
    file = record(box)
    os.truncate(file, 100)
    code, _, err = box.run("run", "--wait", "2s", "job", "--", "true")
    assert code in (69, 78) and file.name in err
    code, _, err = box.run("status", "job")
    assert code in (69, 78) and err


def test_a_corrupted_record(box):
    file = record(box)
    size = file.stat().st_size
    file.write_bytes(os.urandom(size))
    code, _, err = box.run("run", "--wait", "2s", "job", "--", "true")
    assert code in (69, 78) and file.name in err


def test_a_list_says_what_it_leaves_out_and_what_it_does_not_know(box):
    for name in ("headless", "unread", "sound"):
        assert box.run("run", name, "--", "true")[0] == 0
    headless, unread = box.path / "store" / "headless", box.path / "store" / "unread"
    headless.write_bytes(os.urandom(headless.stat().st_size))
    with unread.open("r+b") as file:
        file.seek(4096)  # after the header, which has the name
        file.write(os.urandom(4096))
    code, elections = box.json("list")
    assert code == 0 and {row["name"]: row["state"] for row in elections} == {"sound": "nobody", "unread": "unknown"}
    code, out, err = box.run("list")
    assert code == 0 and [line.split()[1] for line in out.splitlines()] == ["NOBODY", "UNKNOWN:"]
    told = [line for line in err.splitlines() if "overlayfs is private" not in line]
    assert len(told) == 1 and told[0].startswith("elect: ") and f"{headless}: not a file of libelect" in told[0]


def test_passwords_are_never_shown(box):
    code, out, err = box.run("run", "--store", "redis://user:hunter2@10.0.0.1/0?=x", "job", "--", "true")
    assert code == 78 and "hunter2" not in out + err
    code, out, err = box.run("options", "--effective", "--store", "nosuch://user:hunter2@10.0.0.1/0")
    assert "hunter2" not in out + err
    secret = {"LEADER_ELECTION_PASSWORD": "hunter2"}
    for args in (
        ["--store", "local:/x?password=hunter2"],
        ["--password", "hunter2"],
        ["--password-file", "/run/p"],
    ):
        code, out, err = box.run("options", "--effective", *args, env=secret)
        assert code == 0 and "hunter2" not in out + err and "password             ***" in out
        code, effective = box.json("options", "--effective", *args, env=secret)
        assert {row["name"]: row["value"] for row in effective}["password"] == "***"


def test_a_store_that_vanishes_ends_the_command_in_time(box):
    run = box.start("run", "--once", "--lock-ttl", "3s", "job", "--", "sleep", "1000")
    until(lambda: "Started" in run.said(), "the command")
    shutil.rmtree(box.path / "store")
    assert run.end() == 76
    assert box.left() == []


def test_a_log_that_nobody_reads_does_not_end_the_command(box):
    reader, writer = os.pipe()
    run = box.start("run", "job", "--", "sh", "-c", "sleep 0.3; exit 7", stderr=writer)
    os.close(writer)
    os.close(reader)
    assert run.end() == 7


def test_term_while_the_store_is_down(box):
    file = record(box)
    os.truncate(file, 100)
    run = box.start("run", "job", "--", "true")
    until(lambda: "truncated" in run.said(), "the complaint")
    run.send_signal(signal.SIGTERM)
    assert run.end() == 0
