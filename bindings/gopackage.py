"""The generated files of the Go package celect: SWIG's, constants, a stub, and libelect itself."""

import re
import sys
import tempfile
from pathlib import Path

from amalgamate import PUBLIC, Amalgamation
from header import GENERATED, HEADERS, ROOT, api, run

FOLDER = "go/internal/celect"
# SWIG's Go output holds sizes: it is for 64 bits.
BUILD = "linux && cgo && (amd64 || arm64)"
# -1 must not be taken for leading.
FALSE = ("Election_is_leader", "Election_check")


def head(build: str = "") -> str:
    return f"// {GENERATED}\n\n" + (f"//go:build {build}\n\n" if build else "")


def swig() -> tuple[str, str]:
    """SWIG is run from the root with relative paths, since it writes paths as they were typed."""
    pinned = re.search(r"swig==(\S+)", (ROOT / "scripts/needs.sh").read_text(encoding="utf-8"))
    version = re.search(r"SWIG Version (\S+)", run("swig", "-version"))
    if pinned is None or version is None or version[1] != pinned[1]:
        sys.exit(f"swig {version and version[1]}: {pinned and pinned[1]} is wanted, as scripts/needs.sh says")
    with tempfile.TemporaryDirectory() as folder:
        wrap = Path(folder) / "celect_wrap.c"
        run("swig", "-go", "-cgo", "-intgosize", "64", "-Wall", "-Werror", "-Ilibelect/include",
            "-outdir", folder, "-o", str(wrap), "bindings/elect.i")  # fmt: skip
        go = (Path(folder) / "celect.go").read_text(encoding="utf-8")
        return run("gofmt", given=head(BUILD) + go), head(BUILD) + wrap.read_text(encoding="utf-8")


def constants() -> str:
    lines = [f"\t{name} = {value}\n" for name, value in re.findall(
        r"\b(ELECT_\w+) = (-?\d+)", "".join(api(header) for header in HEADERS)
    )]  # fmt: skip
    number = re.search(r"#define (ELECT_VERSION_NUMBER) (\d+)", HEADERS[0].read_text(encoding="utf-8"))
    if number is None or not lines:
        sys.exit("no ELECT_VERSION_NUMBER or no constants in the headers")
    lines.append(f"\t{number[1]} = {number[2]}\n")
    text = head() + "package celect\n\n// The constants of the headers, by their names there.\nconst (\n"
    return run("gofmt", given=text + "".join(lines) + ")\n")


def functions(go: str) -> set[str]:
    """The functions of libelect that a Go file has, by their names in C."""
    return {"elect_" + name[0].lower() + name[1:] for name in re.findall(r"^func (\w+)\(", go, re.MULTILINE)}


def stub(go: str) -> str:
    """The same types and functions where libelect is not: nothing succeeds, nobody leads."""
    zeros = {"int32": "ELECT_EINVAL", "string": '""'}
    types = re.findall(r"^type (?:_swig_fnptr|SwigcptrElect_\w+|Elect_\w+) .*?(?:^}\n|\n(?=\n))", go, re.M | re.S)
    methods = re.findall(r"^func \(p \w+\) \w+\(\).*?^}\n", go, re.M | re.S)
    text = head("!linux") + "package celect\n\n// Supported tells whether there is a libelect for this system.\n"
    text += "const Supported = false\n\n" + "\n".join(types + methods)
    for name, arguments, result in re.findall(r"^func ([A-Z]\w*)\((.*?)\)(?: \(_swig_ret ([\w.]+)\))? {", go, re.M):
        if name.startswith("Swig_"):
            continue
        zero = zeros.get(result, "nil" if result.startswith("Elect_") else "0")
        zero = "0" if name in FALSE else zero
        text += f"\nfunc {name}({arguments}) {result} {{\n" + (f"\treturn {zero}\n" if result else "") + "}\n"
    return run("gofmt", given=text)


def files(version: str) -> dict[str, str]:
    """Each file's text by its path. What is included must lie in the package's folder: a module has nothing else."""
    go, wrap = swig()
    found = {
        "celect.go": go,
        "celect_wrap.c": wrap,
        "constants.go": constants(),
        "celect_other.go": stub(go),
        "libelect.c": head(f"{BUILD} && !libelect_system") + Amalgamation().text(version),
    }
    for header, name in zip(HEADERS, PUBLIC.values(), strict=True):
        found[name] = f"/* {GENERATED} */\n" + header.read_text(encoding="utf-8")
    return {f"{FOLDER}/{name}": text for name, text in found.items()}
