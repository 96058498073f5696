"""Delete what a numpy that only runs has no use for: tests, headers, type stubs, the tool that builds extensions."""

import shutil
import sys
from pathlib import Path

library = Path(sys.argv[1])
for folder in sorted(library.rglob("*"), reverse=True):
    if folder.is_dir() and folder.name in ("tests", "include", "f2py"):
        shutil.rmtree(folder)
for file in library.rglob("*"):
    if file.suffix in (".pyi", ".a", ".h"):
        file.unlink()
shutil.rmtree(library / "bin", ignore_errors=True)
