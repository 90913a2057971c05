"""What a fail-over on Redis costs with libelect and with others, on servers of its own: a table, JSON and a plot.

scripts/bench builds what it needs and runs it.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
sys.path += [str(HERE.parent / "interop"), str(HERE.parent / "redis")]

import plot  # noqa: E402
import tables  # noqa: E402
from contest import LIBELECT, PEERS, Contest, Programs  # noqa: E402
from harness import HANG, Process  # noqa: E402
from server import Client, Server  # noqa: E402


@dataclasses.dataclass
class Sizes:
    rounds: int = 2000  # of operations
    elections: int = 10000  # of one client
    handovers: int = 300  # of libelect, one after the other
    deaths: int = 20
    pairs: int = 10  # of each peer, side by side, for they wait most of the time
    peer_rounds: int = 5
    own_defaults: bool = True
    count_s: float = 30
    followers: int = 1000
    releases: int = 10


QUICK = Sizes(20, 100, 3, 1, 1, 1, False, 1, 20, 1)
TTL_S = 2.0  # at which all are compared


@dataclasses.dataclass
class Run:
    programs: Programs
    sizes: Sizes
    folder: pathlib.Path
    servers: contextlib.ExitStack

    def server(self, *args):
        one = Server(*args)
        self.servers.callback(one.stop)
        return one


def note(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def summary(values):
    ordered = sorted(values)
    p50, p99 = (ordered[(len(ordered) - 1) * percent // 100] for percent in (50, 99))
    return {"p50_ms": p50, "p99_ms": p99, "samples": len(values), "ms": values}


# ---- operations ----


def operations(run):
    """Round trips and many elections of one client, and the same round trips over TLS."""
    note("operations and many elections")
    server, tls_server = run.server(), run.server(*certificates(run.folder))

    def measure(url, elections):
        command = [run.programs.bench, "--redis", url, str(run.sizes.rounds), str(elections)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=20 * HANG)
        return json.loads(done.stdout)

    plain = measure(f"{server.url}?restart_grace=0", run.sizes.elections)
    tls_url = f"{tls_server.url}?restart_grace=0&tls_ca_file={run.folder}/ca.pem"
    rows = {row["what"]: row for row in plain["stores"]}
    rows_tls = {row["what"]: row for row in measure(tls_url, 0)["stores"]}
    bare = rows["bare SET NX PX"]["p50_us"]
    result = {"bare_set_us": bare, "many": plain["many"][0]}
    for what in ("acquire", "renew"):
        p50 = rows[what]["p50_us"]
        ratios = {"to_bare_set": p50 / bare, "tls_to_plain": rows_tls[what]["p50_us"] / p50}
        result[what] = {"p50_us": p50, "p99_us": rows[what]["p99_us"], **ratios}
    return result


def certificates(folder):
    """An authority, and a server that it vouches for; as arguments of a server."""
    request = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=libelect benchmark", "-days", "2"]
    request += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    authority = ["-keyout", "ca.key", "-out", "ca.pem"]
    own = ["-keyout", "key.pem", "-out", "cert.pem", "-CA", "ca.pem", "-CAkey", "ca.key"]
    own += ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    for more in (authority, own):
        subprocess.run(request + more, check=True, capture_output=True, cwd=folder)
    files = {"cert-file": "cert.pem", "key-file": "key.pem", "ca-cert-file": "ca.pem"}
    named = [word for name, file in files.items() for word in (f"--tls-{name}", str(folder / file))]
    return [*named, "--tls-auth-clients", "no"]


# ---- fail-over ----


def side_by_side(run, system, ttl_s, play):
    """The samples of play(contest), of as many elections at once as there are pairs, on one server."""
    server = run.server()
    contests = [Contest(run.programs, system, server, f"job-{number}", ttl_s) for number in range(run.sizes.pairs)]
    with concurrent.futures.ThreadPoolExecutor(run.sizes.pairs) as pool:
        return [sample for samples in pool.map(play, contests) for sample in samples]


def handed_over(system, ttl_s, samples):
    shown = {"system": system.name, "ttl_s": ttl_s or system.ttl_s, "own_defaults": not ttl_s}
    return {**shown, **summary(samples)}


def died(system, samples):
    share = statistics.median(sample[0] for sample in samples) / (TTL_S * 1000)
    return {"system": system.name, "ttl_s": TTL_S, "share_of_ttl": share, **summary([sample[1] for sample in samples])}


def fail_over(run):
    sizes, handovers, deaths = run.sizes, [], []
    server = run.server()
    for ttl_s in (0, TTL_S, 600):
        note(f"libelect hands over, TTL {ttl_s or LIBELECT.ttl_s:g} s")
        samples = Contest(run.programs, LIBELECT, server, f"job-{ttl_s}", ttl_s).hand_over(sizes.handovers)
        handovers.append(handed_over(LIBELECT, ttl_s, samples))
    note("libelect dies")
    deaths.append(died(LIBELECT, side_by_side(run, LIBELECT, TTL_S, lambda contest: contest.die(sizes.deaths))))
    note("the others hand over and die")
    rounds = sizes.peer_rounds

    def of(system):
        own = [0] if sizes.own_defaults else []
        graceful = [
            handed_over(system, ttl_s, side_by_side(run, system, ttl_s, lambda contest: contest.hand_over(rounds)))
            for ttl_s in [TTL_S, *own]
        ]
        return graceful, died(system, side_by_side(run, system, TTL_S, lambda contest: contest.die(rounds)))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for graceful, deadly in pool.map(of, PEERS):
            handovers += graceful
            deaths.append(deadly)
    return handovers, deaths


# ---- commands ----


class Monitor:
    """Counts what clients send and what scripts do; at: when one deleted or set the lock, by the server's clock."""

    def __init__(self, server, lock=""):
        self.sent = self.scripted = 0
        self.at = {}
        self.changes = {f'"{verb}" "{lock}"'.encode(): verb for verb in ("DEL", "SET")}
        self.client = Client(server.path)
        assert self.client.ask("MONITOR") == "OK"
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(OSError, ValueError):
            for line in self.client.stream:
                if b" lua] " in line:
                    self.scripted += 1
                    for change, verb in self.changes.items():
                        if change in line:
                            self.at[verb] = float(line[1:].partition(b" ")[0])
                else:
                    self.sent += 1


def commands_of(run, system):
    """Commands a second of the leader, and of each of four followers beside it."""
    contest = Contest(run.programs, system, run.server(), "job", TTL_S)
    leader = contest.lead()
    time.sleep(TTL_S / 2)  # what only a start sends is over
    rates = []
    for followers in (0, 4):
        standing = [contest.follow(number + 1) for number in range(followers)]
        monitor = Monitor(contest.server)
        time.sleep(run.sizes.count_s)
        rates.append((monitor.sent / run.sizes.count_s, monitor.scripted / run.sizes.count_s))
        for one in standing:
            one.crash()
    leader.crash()
    alone, crowd = rates
    each = [max(0, more - less) / 4 for more, less in zip(crowd, alone, strict=True)]
    names = ("leader", "leader_in_scripts", "follower", "follower_in_scripts")
    return {"system": system.name, **dict(zip(names, [*alone, *each], strict=True))}


def commands(run):
    note("commands a second")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(lambda system: commands_of(run, system), [LIBELECT, *PEERS]))


def crowd(run):
    """Followers, each on connections of its own, that wait for one release."""
    note(f"{run.sizes.followers} followers")
    server = run.server("--maxclients", "10000")
    contest = Contest(run.programs, LIBELECT, server, "handover")
    samples, free, sent = [], [], []
    for _ in range(run.sizes.releases):
        leader = contest.lead()
        followers = Process(run.programs.bench, "--followers", f"{server.url}?restart_grace=0", run.sizes.followers)
        followers.wait_for("sees")
        time.sleep(0.5)
        monitor = Monitor(server, LIBELECT.lock(contest.name))
        leader.stop()
        samples.append((followers.wait_for("elected")["at"] - leader.named("stopping")[0]["at"]) / 1e6)
        time.sleep(0.5)
        sent.append(monitor.sent)
        free.append((monitor.at["SET"] - monitor.at["DEL"]) * 1000)
        followers.crash()
        server.ask("FLUSHALL")
    counts = {"followers": run.sizes.followers, "commands": statistics.median(sent), "free_ms": statistics.median(free)}
    return {**counts, **summary(samples)}


# ---- all of it ----


def about(run):
    """What was measured, and where."""
    info = run.server().ask("INFO", "server")
    product = re.search(r"(redis|valkey)_version:(\S+)\r(?!.*valkey_version)", info, re.DOTALL)
    go_mod = (HERE.parent / "interop" / "peer" / "go.mod").read_text()
    modules = re.findall(r"^\t\S*/(redislock|redsync|go-leader)(?:/v\d+)? (v\S+)$", go_mod, re.MULTILINE)
    return {
        "version": (HERE.parent.parent / "VERSION").read_text().strip(),
        "server": f"{product[1].capitalize()} {product[2]}",
        "cores": os.cpu_count(),
        "modules": dict(modules),
    }


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bench", "candidate", "peer"):
        parser.add_argument(f"--{name}", required=True, help="a program")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="the folder for compare.json, .md and .svg")
    parser.add_argument("--quick", action="store_true", help="a round of each, to see that it works")
    return parser.parse_args()


def main():
    asked = arguments()
    with tempfile.TemporaryDirectory(prefix="elect-bench-") as folder, contextlib.ExitStack() as servers:
        programs = Programs(asked.bench, asked.candidate, asked.peer)
        run = Run(programs, QUICK if asked.quick else Sizes(), pathlib.Path(folder), servers)
        results = about(run)
        results["operations"] = operations(run)
        results["handover"], results["crash"] = fail_over(run)
        results["commands"] = commands(run)
        results["followers"] = crowd(run)
    if not shutil.which("etcd"):
        note("there is no etcd here, so its election was not measured")
    text = tables.markdown(results)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "compare.json").write_text(json.dumps(results, indent=1) + "\n")
    (asked.out / "compare.md").write_text(text)
    (asked.out / "compare.svg").write_text(plot.fail_over(results))
    print(text, end="")


if __name__ == "__main__":
    main()
