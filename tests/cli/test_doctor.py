"""elect doctor: what it finds on this host's stores."""


def results(report):
    return {check["check"]: check["result"] for check in report["checks"]}


def test_a_sound_local_store(box):
    code, report = box.json("doctor", "--allow-filesystem", "zfs")
    assert code == 0 and report["store"] == box.store and report["tier"] == "single host"
    found = results(report)
    assert set(found) == {"directory", "file system", "space", "locks", "writes", "clock", "inotify"}
    assert found["locks"] == found["directory"] == found["writes"] == "ok" and "fail" not in found.values()
    trip = report["round_trip_us"]
    assert 0 <= trip["p50"] <= trip["p90"] <= trip["p99"] <= trip["max"]
    assert report["clock"] is None and report["suggested_lock_ttl"].endswith("s")
    assert all(set(check) == {"check", "result", "text", "fix"} for check in report["checks"])
    assert list((box.path / "store").iterdir()) == []


def test_for_people(box):
    code, out, err = box.run("doctor")
    lines = out.splitlines()
    assert code == 0 and not err, err
    assert lines[0] == f"store       {box.store} (single host)"
    assert [line.split()[0] for line in lines[1:3]] == ["ok", "ok"] or "WARN" in out
    assert lines[-1].split(":")[0] in ("sound", "fit") and " 0 failed, " in lines[-1]


def test_a_store_that_is_unfit_to_be_opened_is_a_finding(box):
    (box.path / "store").mkdir()
    (box.path / "store").chmod(0o777)
    code, report = box.json("doctor")
    assert code == 1 and results(report) == {"store": "fail"} and "0777" in report["checks"][0]["text"]
    code, out, _ = box.run("doctor")
    assert code == 1 and "FAIL" in out and out.splitlines()[-1].startswith("UNFIT: 1 failed")


def test_a_value_that_is_refused_is_78(box):
    assert box.run("doctor", "--lock-ttl", "5")[0] == 78
    assert box.run("doctor", "--store", "nosuch:")[0] == 78
    assert box.run("doctor", "billing")[0] == 64


def test_a_store_for_tests_says_so(box):
    code, report = box.json("doctor", "--store", "memory:")
    assert code == 0 and results(report) == {"memory": "warn"} and report["checks"][0]["fix"]
