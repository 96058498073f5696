"""Delete what the operator never loads of its dependencies: a third of what they weigh."""

import shutil
import sys
from pathlib import Path

library = Path(sys.argv[1])
# One method for every call of every API. The operator sends its few requests itself, and uses this client only to read
# kubeconfig files.
for api in ("kubernetes/client/api", "kubernetes/aio/client/api"):
    shutil.rmtree(library / api)
# The binding for Pythons other than CPython.
for binding in (library / "zstandard").glob("_cffi.*"):
    binding.unlink()
for folder in sorted(library.rglob("tests"), reverse=True):
    shutil.rmtree(folder)
shutil.rmtree(library / "bin", ignore_errors=True)
