"""The benchmarks of the Go module as a table: reads what `go test -bench` printed, writes Markdown."""

import re
import sys

WAYS = {
    "queue": "the queue of C, read by a goroutine",
    "callback": "`OnLoseLeadership`",
    "channel": "`Channels`",
    "Run": "the context of `Run`'s function",
}


def results(lines):
    """{"X/y": {"unit": value}}; of a benchmark that was run several times the least, which is nearest to its cost."""
    found = {}
    for line in lines:
        if match := re.match(r"Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)", line):
            metrics = found.setdefault(match[1], {})
            for value, unit in re.findall(r"(\S+) (\S+)", match[2]):
                metrics[unit] = min(float(value), metrics.get(unit, float("inf")))
    return found


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def page(found):
    asked = found["IsLeaderAgainstPlainCall"]
    took = f"{asked['ns']:.0f} ns and {found['IsLeader']['allocs/op']:.0f} allocations"
    yield (
        f"`IsLeader` took {took}: {asked['x-plain']:.2f} x a plain cgo call of the same C function "
        f"({asked['plain-ns']:.0f} ns)."
    )
    yield ""
    yield "From `Resign` until the leader's work hears of it, on `memory:`:"
    yield ""
    yield from table(["way", "p50 us", "p99 us"], (delivery(found, way) for way in WAYS))
    yield ""
    yield "What each of 1,000 elections costs the process that leads in them, on one Redis:"
    yield ""
    names = [name for name in found if name.startswith("Elections/")]
    head = ["", "heap", "stacks", "resident memory, that of C too", "goroutines"]
    yield from table(head, (cost(found, name) for name in names))


def delivery(found, way):
    times = found[f"EventDelivery/{way}"]
    return [WAYS[way], f"{times['p50-us']:.0f}", f"{times['p99-us']:.0f}"]


def cost(found, name):
    each = {unit.partition("/")[0]: value for unit, value in found[name].items()}
    bytes_of = [f"{each[unit]:,.0f} B" for unit in ("heap-B", "stack-B", "RSS-B")]
    return [name.partition("/")[2], *bytes_of, f"{each['goroutines']:.0f}"]


print("\n".join(page(results(sys.stdin))))
