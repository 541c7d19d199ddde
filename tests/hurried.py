"""`voicectl` in a process of its own, which waits less than it does in earnest."""

from __future__ import annotations

from tests.pauses import shorten
from voicectl.__main__ import entry

if __name__ == "__main__":
    shorten()
    entry()
