"""Builds the module _elect from the cdef: build.py CDEF FOLDER FLAG..., flags as pkg-config has them."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from cffi import FFI

cdef, folder = Path(sys.argv[1]), Path(sys.argv[2])
ffi = FFI()
ffi.cdef(cdef.read_text(encoding="utf-8"))
ffi.set_source("_elect", "#include <elect/elect.h>\n#include <elect/store.h>\n")
ffi.emit_c_code(str(folder / "_elect.c"))
command = ["cc", "-shared", "-fPIC", "-o", str(folder / "_elect.so"), str(folder / "_elect.c")]
subprocess.run([*command, "-I" + sysconfig.get_path("include"), *sys.argv[3:]], check=True)
