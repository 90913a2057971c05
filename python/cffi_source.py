"""Writes the C source of the module elect._elect: cffi_source.py CDEF FILE."""

import sys
from pathlib import Path

from cffi import FFI

ffi = FFI()
ffi.cdef(Path(sys.argv[1]).read_text(encoding="utf-8"))
ffi.set_source("elect._elect", "#include <elect/elect.h>\n#include <elect/store.h>\n", py_limited_api=True)
ffi.emit_c_code(sys.argv[2])
