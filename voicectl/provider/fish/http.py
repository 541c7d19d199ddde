"""httpx without its optional command line, which would import rich and pygments for nothing.

A None in `sys.modules` makes an import fail (Python documentation, "The module cache"); httpx expects
that of its command line where the packages for it are not installed.
"""

from __future__ import annotations

import sys

_present = "httpx" in sys.modules or "httpx._main" in sys.modules
if not _present:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
import httpx as httpx  # noqa: E402

if not _present:
    del sys.modules["httpx._main"]
