"""elect doctor on Redis. A look takes 5 s, in which next to nothing is done, so many are taken at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from conftest import Box
from host import until
from redis_stage import certificates, least, page_rights, server


def results(report):
    return {check["check"]: check["result"] for check in report["checks"]}


def findings(report):
    return {check["check"]: (check["result"], check["fix"]) for check in report["checks"]}


RULES = [word for word in page_rights() if not word.startswith("-")]
# Without these somebody is elected all the same.
HELPFUL = {
    *("+script|load", "+lpush", "+ltrim", "+lrange", "+publish", "+subscribe", "+unsubscribe", "&elect:*"),
    *("+info", "+ping", "+select", "+wait", "+scan", "+client|setname"),
}


def stores(stack, folder):
    """name -> arguments, on servers that end with the stack."""

    def start(*args, **more):
        return stack.enter_context(server(*args, **more))

    plain, secret = start("--repl-diskless-sync-delay", 0), start(password="hunter2")
    master = start("--repl-diskless-sync-delay", 0)
    replica = start("--replicaof", "127.0.0.1", master.port)
    tls = start(
        *("--tls-cert-file", folder / "server.pem", "--tls-key-file", folder / "server.key"),
        *("--tls-ca-cert-file", folder / "ca.pem", "--tls-auth-clients", "no"),
    )
    until(lambda: "state=online" in master.ask("INFO", "replication"), "the replica")
    (folder / "password").write_text("hunter2\n")
    cases = {f"without {rule}": [least(plain, *without(rule), user=f"user{i}")] for i, rule in enumerate(RULES)}
    cases |= {
        "all rights": [least(plain)],
        "plain": [f"redis+unix://{plain.path}?db=1"],
        "elsewhere": [f"redis://0.0.0.0:{plain.port}"],
        "another layout": [plain.url, "--layout", "plain", "--lock-key", "{app}:lock"],
        "evicts": [start("--maxmemory-policy", "allkeys-lru", "--maxmemory", "64mb").url],
        "may evict": [start("--maxmemory-policy", "volatile-ttl").url],
        "full": [start("--maxmemory", 1).url],
        "keeps": [start("--appendonly", "yes").url],
        "replica": [replica.url],
        "master": [master.url],
        "waits": [master.url, "--wait-replicas", "all"],
        "waits for none": [f"redis+unix://{plain.path}?db=1", "--wait-replicas", "all"],
        "no password": [secret.url],
        "wrong password": [secret.url.replace("//", "//:hunter3@")],
        "password of a file": [secret.url, "--password-file", folder / "password"],
        "tls": [tls.url, "--tls-ca-file", folder / "ca.pem"],
        "tls, unknown": [tls.url],
        "tls, anybody": [tls.url, "--tls-verify", "off"],
        "tls, another name": [tls.url, "--tls-ca-file", folder / "ca.pem", "--tls-server-name", "redis.example"],
    }
    return cases, [plain, master]


def without(rule):
    return [word for word in page_rights() if word != rule]


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    """name -> (exit code, report)"""
    box = Box(tmp_path_factory.mktemp("doctor"))
    certificates(box.path)
    with ExitStack() as stack:
        cases, servers = stores(stack, box.path)
        with ThreadPoolExecutor(6) as pool:
            asked = {name: pool.submit(box.json, "doctor", "--store", *args) for name, args in cases.items()}
            reports = {name: one.result() for name, one in asked.items()}
        # It leaves nothing behind.
        assert [one.ask("INFO", "keyspace").strip() for one in servers] == ["# Keyspace", "# Keyspace"]
    return reports


def test_a_sound_server(looked):
    code, report = looked["keeps"]
    assert code == 0 and set(results(report).values()) == {"ok"}
    assert report["tier"] == "redis, single node, append-only file" and report["clock"]["stepped"] is False
    assert report["clock"]["offset_low_us"] <= report["clock"]["offset_high_us"]
    assert 0 < report["round_trip_us"]["p50"] <= report["round_trip_us"]["max"]
    assert report["suggested_lock_ttl"].endswith("s")


def test_the_line_of_the_page_is_enough(looked):
    code, report = looked["all rights"]
    assert code == 0 and findings(report)["rights"] == ("ok", "")
    assert findings(looked["another layout"][1])["rights"] == ("ok", "")


@pytest.mark.parametrize("rule", RULES)
def test_a_right_that_is_missing_is_named_by_the_rule_that_grants_it(looked, rule):
    code, report = looked[f"without {rule}"]
    result = "warn" if rule in HELPFUL else "fail"
    assert findings(report)["rights"] == (result, f"ACL SETUSER user{RULES.index(rule)} {rule}")
    assert code == (0 if rule in HELPFUL - {"+info"} else 1)
    assert "least" not in str(report)
    if rule == "+info":
        assert findings(report)["restart grace"] == ("fail", f"ACL SETUSER user{RULES.index(rule)} +info")
    if rule in ("+publish", "+subscribe", "&elect:*"):
        assert findings(report)["wake-up"][0] == "warn"


def test_settings_of_a_server(looked):
    found = {name: findings(report) for name, (_, report) in looked.items()}
    fix = "CONFIG SET maxmemory-policy noeviction"
    assert looked["evicts"][0] == 1 and found["evicts"]["eviction"] == ("fail", fix)
    assert looked["may evict"][0] == 0 and found["may evict"]["eviction"] == ("warn", fix)
    assert looked["plain"][0] == 0 and found["plain"]["eviction"][0] == "ok"
    assert looked["full"][0] == 1 and found["full"]["memory"][0] == "warn" and found["full"]["writes"][0] == "fail"
    assert found["plain"]["persistence"] == ("warn", "CONFIG SET appendonly yes")


def test_replicas(looked):
    found = {name: findings(report) for name, (_, report) in looked.items()}
    assert looked["replica"][0] == 1 and found["replica"]["role"] == ("fail", "connect to the master")
    assert found["replica"]["writes"][0] == "fail"
    assert looked["master"][0] == 0 and found["master"]["replicas"] == ("warn", "set wait_replicas=all")
    assert looked["waits"][0] == 0 and found["waits"]["replicas"] == ("ok", "")
    fix = "add a replica, or set wait_replicas=off"
    assert looked["waits for none"][0] == 1 and found["waits for none"]["replicas"] == ("fail", fix)
    assert looked["master"][1]["tier"] == "redis, asynchronously replicated"


def test_a_password_that_is_missing_or_wrong_is_a_finding(looked):
    names = ["no password", "wrong password", "password of a file"]
    assert [looked[name][0] for name in names] == [1, 1, 0]
    assert results(looked["no password"][1]) == results(looked["wrong password"][1]) == {"connection": "fail"}
    assert "hunter" not in str([looked[name] for name in names])


def test_the_way_to_the_server(looked):
    found = {name: findings(report) for name, (_, report) in looked.items()}
    assert found["plain"]["tls"] == ("ok", "") and found["elsewhere"]["tls"] == ("warn", "use rediss://")
    assert looked["tls"][0] == 0 and found["tls"]["tls"] == ("ok", "")
    assert looked["tls, anybody"][0] == 0 and found["tls, anybody"]["tls"][0] == "warn"
    for refused in ("tls, unknown", "tls, another name"):
        assert looked[refused][0] == 1 and results(looked[refused][1]) == {"connection": "fail"}


def test_a_server_that_does_not_answer_is_69(box):
    with server() as one:
        url = one.url
    code, out, err = box.run("doctor", "--store", url)
    assert code == 69 and not out and "refused" in err
