"""libelect's own sources and private headers as one C file, which is compiled with the Go package.

In it only what the public headers declare is global. What a source keeps to itself keeps its name, unless another
source has one of that name: then it is called file__name. Where that goes wrong, for a field that a macro is given or
a name that a system's header has, the compiler says so, and the source gives way.
"""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "libelect/src"
# The private and the public store.h are told apart by how they are included.
PUBLIC = {"elect/elect.h": "elect.h", "elect/store.h": "store.h"}
# What each Debian package is recognized by. pkg-config need not be there, and would not name the package.
PACKAGES = {
    "libevent-dev": "event2/event.h",
    "libcjson-dev": "cjson/cJSON.h",
    "libhiredis-dev": "hiredis/hiredis.h",
    "libssl-dev": "openssl/ssl.h",
}
INCLUDE = re.compile(r'^#include ([<"])([^>"]+)[>"].*$', re.MULTILINE)
HEAD = """#if !({found})
#error "libelect needs C headers that are not here. On Debian and Ubuntu: apt-get install {packages}"
#else
#undef _GNU_SOURCE
#define _GNU_SOURCE
#undef NDEBUG
#define NDEBUG /* an assertion is for those who work on libelect: it must not end the program of others */
#define ELECT_REDIS
#define ELECT__VERSION "{version}"
#pragma GCC diagnostic ignored "-Wunused-function" /* some are for the tests, or for the command */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wformat-truncation" /* a text for people may be cut */
#endif
"""
COMMENTS = r"/\*.*?\*/"
STRINGS = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"


def bare(text: str) -> str:
    """Code alone: no comments, strings or lines of the preprocessor."""
    text = re.sub(f"{COMMENTS}|{STRINGS}", "", text, flags=re.DOTALL)
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", "", text, flags=re.MULTILINE)


def declarations(code: str) -> list[str]:
    """Declarations and heads of definitions at file scope, without what stands in braces."""
    parts, depth = [], 0
    for part in re.split(r"([{}])", code):
        depth -= part == "}"
        if depth == 0:
            parts.append(part)
        depth += part == "{"
    # A function ends with its brace, anything else with a semicolon.
    return [part.strip() for part in re.split(r";|(?<=\))\s*\{?\}", "".join(parts)) if part.strip()]


def declared(declaration: str) -> set[str]:
    """The function or the objects that a declaration names."""
    declaration = re.sub(r"__attribute__\s*\(\(.*?\)\)|[{}]", "", declaration, flags=re.DOTALL)
    function = re.match(r"[^=(]*?(\w+)\s*\((?!\*)", declaration)
    if function:
        return {function[1]}
    objects = re.sub(r"=\s*[^,]*|\[[^\]]*\]", "", declaration)
    return {words[-1] for words in (re.findall(r"\w+", part) for part in objects.split(",")) if words}


def file_scope(text: str) -> set[str]:
    """What a source declares for itself: static functions and objects, constants, tags and types."""
    code = bare(text)
    enums = re.findall(r"\benum(?:\s+\w+)?\s*\{([^}]*)\}", code)
    names = {name for body in enums for name in re.findall(r"(?:^|,)\s*(\w+)", body)}
    names |= set(re.findall(r"\b(?:struct|union|enum)\s+(\w+)\s*\{", code))
    for part in declarations(code):
        if part.startswith("typedef"):
            names |= set(re.findall(r"\(\*(\w+)\)", part) or re.findall(r"(\w+)$", part))
        elif part.startswith("static"):
            names |= declared(part)
    return names


def rename(text: str, names: set[str], prefix: str) -> str:
    """Puts the prefix before names, but not in comments and strings, nor after . and ->."""
    if not names:
        return text
    word = re.compile(rf"{COMMENTS}|{STRINGS}|#include[^\n]*|(?<![\w.>])(?:{'|'.join(sorted(names))})\b", re.DOTALL)
    return word.sub(lambda match: prefix + match[0] if match[0] in names else match[0], text)


def macros(text: str) -> list[str]:
    """Those that a source leaves defined at its end."""
    gone = set(re.findall(r"^#undef (\w+)", text, re.MULTILINE))
    return [name for name in dict.fromkeys(re.findall(r"^#define (\w+)", text, re.MULTILINE)) if name not in gone]


def internal(text: str) -> str:
    """Internal linkage for what is declared in a header, and for objects where they are defined."""
    text = re.sub(r"(?m)^extern ", "static ", text)
    objects = r"(?m)^(?=(?:const )?(?:struct )?\w+ [\w* \[\]]*\belect__\w+(?:\[[^\]\n]*\])* =)"
    functions = r"(?m)^(?!static|typedef|return|#)(?=[A-Za-z][\w* ]*\belect__\w+\([^;{}]*\)[^;{}]*;)"
    return re.sub(functions, "static ", re.sub(objects, "static ", text))


class Amalgamation:
    def __init__(self) -> None:
        self.sources = sorted(SOURCES.rglob("*.c"))
        counts = Counter(name for source in self.sources for name in file_scope(source.read_text("utf-8")))
        self.shared = {name for name, count in counts.items() if count > 1}
        self.system: set[str] = set()
        self.seen: set[Path] = set()
        self.parts: list[str] = []

    def add(self, file: Path) -> None:
        """The file, after the headers that it includes and that are not there yet."""
        self.seen.add(file)
        text = file.read_text("utf-8")
        for quote, name in INCLUDE.findall(text):
            if quote == "<":
                self.system.add(name)
                continue
            header = (file.parent / name).resolve()
            if header not in self.seen:
                self.add(header)
        end = ""
        if file.suffix == ".c":
            text = rename(text, file_scope(text) & self.shared, file.stem + "__")
            end = "".join(f"#undef {name}\n" for name in macros(text))
        # An empty line for each include: so the numbers of lines stay those of the source.
        self.parts.append(f'#line 1 "{file.relative_to(ROOT)}"\n{internal(INCLUDE.sub("", text))}{end}')

    def text(self, version: str) -> str:
        for source in self.sources:
            self.add(source)
        found = " && ".join(f"__has_include(<{header}>)" for header in PACKAGES.values())
        head = HEAD.format(found=found, packages=" ".join(PACKAGES), version=version)
        public = "".join(f'#include "{name}"\n' for name in PUBLIC.values())
        system = "".join(f"#include <{name}>\n" for name in sorted(self.system - set(PUBLIC)))
        return head + public + system + "\n" + "\n".join(self.parts) + "#endif\n"
