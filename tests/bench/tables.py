"""What was measured, as Markdown."""


def shown(ms):
    return f"{ms:.2f}" if abs(ms) < 10 else f"{ms:.0f}"


def rows(head, lines):
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for line in lines:
        yield f"| {' | '.join(str(cell) for cell in line)} |"
    yield ""


def times(row):
    return shown(row["p50_ms"]), shown(row["p99_ms"]), row["samples"]


def hand_over(results):
    for row in results["handover"]:
        defaults = ", its own defaults" if row["own_defaults"] else ""
        yield row["system"], f"{row['ttl_s']:g} s{defaults}", *times(row)


def round_trips(operations):
    yield "bare SET NX PX (hiredis, blocking)", f"{operations['bare_set_us']:.0f} us", "", "", ""
    for what in ("acquire", "renew"):
        row = operations[what]
        ratios = f"{row['to_bare_set']:.2f} x", f"{row['tls_to_plain']:.2f} x"
        yield what, f"{row['p50_us']:.0f} us", f"{row['p99_us']:.0f} us", *ratios


def commands(results):
    for row in results["commands"]:
        names = ("leader", "follower", "leader_in_scripts", "follower_in_scripts")
        yield row["system"], *(f"{row[name]:.2f}" for name in names)


def markdown(results):
    peers = ", ".join(f"{name} {version}" for name, version in results["modules"].items())
    lines = [
        f"libelect {results['version']} on {results['server']}, {results['cores']} shared cores; beside it, in one run:"
    ]
    lines += [f"{peers}.", ""]
    lines += rows(("graceful handover, ms", "TTL", "p50", "p99", "samples"), hand_over(results))
    deaths = ((row["system"], f"{row['share_of_ttl']:.2f}", *times(row)) for row in results["crash"])
    lines += rows(
        ("SIGKILL, TTL 2 s", "p50 as share of the TTL", "ms after the lease's end, p50", "p99", "samples"), deaths
    )
    head = ("commands/s, TTL 2 s", "leader", "each follower", "inside the leader's scripts", "inside a follower's")
    lines += rows(head, commands(results))
    head = ("libelect's round trips", "p50", "p99", "beside the bare SET", "TLS beside plain")
    lines += rows(head, round_trips(results["operations"]))
    many, crowd = results["operations"]["many"], results["followers"]
    lines += [
        f"{many['elections']} elections of one client, TTL 10 s: {many['led']} led, all after {many['start_s']:.1f} s;",
        f"{many['cpu_percent']:.2f} % of a core, {many['bytes_each']:.0f} bytes each; in all {many['sockets']} sockets",
        f"and {many['threads']} thread{'s'[: many['threads'] > 1]}.",
        "",
        f"{crowd['followers']} followers, each with connections and threads of its own, in one process, wait for a",
        f"release: the lock is free for {shown(crowd['free_ms'])} ms by the server's clock;",
        f"{crowd['commands']:.0f} commands are sent; as all threads are woken at once, the process takes",
        f"{shown(crowd['p50_ms'])} ms to learn who leads.",
    ]
    return "\n".join(lines) + "\n"
