"""Distributions as an SVG: of each system, the share of fail-overs that were over by then."""

import html
import math

WIDTH, HEIGHT = 860, 330
LEFT, RIGHT, TOP, BOTTOM, GAP = 46, 20, 44, 46, 64
COLORS = {"libelect": "#0b5cad", "redislock": "#c2571a", "redsync": "#2c7d4f", "go-leader": "#7a4bb0"}
FIRST, LAST = 0.1, 10000.0  # ms


def label(ms):
    return f"{ms:g} ms" if ms < 1000 else f"{ms / 1000:g} s"


class Panel:
    def __init__(self, left, width, title):
        self.left, self.width, self.title = left, width, title
        self.top, self.height = TOP, HEIGHT - TOP - BOTTOM
        self.parts = []

    def x(self, ms):
        share = math.log(min(max(ms, FIRST), LAST) / FIRST) / math.log(LAST / FIRST)
        return self.left + share * self.width

    def y(self, share):
        return self.top + (1 - share) * self.height

    def text(self, x, y, text, anchor="start", **style):
        more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(text)}</text>')

    def line(self, points, color, width):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>')

    def frame(self):
        self.text(self.left, self.top - 24, self.title, font_weight="bold")
        decade = FIRST
        while decade <= LAST * 1.01:
            self.line([(self.x(decade), self.y(0)), (self.x(decade), self.y(1))], "#e2e2e2", 1)
            self.text(self.x(decade), self.y(0) + 16, label(decade), "middle", fill="#555")
            decade *= 10
        for share in (0, 0.5, 1):
            self.line([(self.left, self.y(share)), (self.left + self.width, self.y(share))], "#e2e2e2", 1)
            self.text(self.left - 6, self.y(share) + 4, f"{share:.0%}", "end", fill="#555")

    def steps(self, values, color, width):
        points, count = [(self.x(FIRST), self.y(0))], len(values)
        for index, value in enumerate(sorted(values)):
            points += [(self.x(value), self.y(index / count)), (self.x(value), self.y((index + 1) / count))]
        points.append((self.x(LAST), self.y(1)))
        self.line(points, color, width)

    def draw(self, rows):
        self.frame()
        for row in reversed(rows):  # ours on top
            self.steps(row["ms"], COLORS[row["system"]], 3 if row["system"] == "libelect" else 1.8)


def legend(rows):
    parts, x = [], LEFT
    for row in rows:
        color, name = COLORS[row["system"]], row["system"]
        parts.append(f'<rect x="{x}" y="{HEIGHT - 14}" width="22" height="4" fill="{color}"/>')
        parts.append(f'<text x="{x + 28}" y="{HEIGHT - 8}">{name}</text>')
        x += 130
    return parts


def fail_over(results):
    """Both at the TTL that all were measured with."""
    handover = [row for row in results["handover"] if not row["own_defaults"] and row["ttl_s"] == 2]
    crash = results["crash"]
    width = (WIDTH - LEFT - RIGHT - GAP) / 2
    graceful = Panel(LEFT, width, "the leader stops: time to the next leader")
    deadly = Panel(LEFT + width + GAP, width, "the leader is killed: time from its lease's end")
    graceful.draw(handover)
    deadly.draw(crash)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12" fill="#222" role="img">',
        "<title>Fail-over on Redis with a TTL of 2 s: the share of changes that were over by then</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *graceful.parts,
        *deadly.parts,
        *legend(handover),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
