#!/usr/bin/env python3
"""Writes the section OPTIONS of elect.1 from the table of options.

usage: elect options --json | options.py [--check]

--check: writes nothing, and fails when the page is not what it would write.
"""

import json
import pathlib
import sys

PAGE = pathlib.Path(__file__).with_name("elect.1")
BEGIN, END = '.\\" BEGIN-OPTIONS\n', '.\\" END-OPTIONS\n'
RESERVED = {"name", "role"}  # the command line says these in its own words


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in ".'" else text


def section(table):
    lines = []
    for row in table:
        if row["name"] in RESERVED:
            continue
        flag, kind = row["name"].replace("_", "-"), row["words"] or row["kind"]
        if row["kind"] == "duration":
            kind = "duration"
        lines += [".TP", f'.BI \\-\\-{roff(flag)} " {roff(kind)}"']
        text = roff(row["help"])
        if row["kind"] == "duration":
            text += f" From {roff(row['min'])} to {roff(row['max'])}."
        if row["default"]:
            text += f" Default: {roff(row['default'])}."
        lines += [text, ".br", f"{roff(row['env'])}"]
    return "".join(line + "\n" for line in lines)


def main():
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    fresh = head + BEGIN + section(json.load(sys.stdin)) + END + tail
    if "--check" in sys.argv[1:]:
        if fresh != page:
            sys.exit(f"{PAGE} is stale: elect options --json | {sys.argv[0]}")
    elif fresh != page:
        PAGE.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
