"""Headers are read without any decoder. What decodes is left out where `voicectl[audio]` is missing."""

from __future__ import annotations

from importlib.util import find_spec

DECODER = find_spec("av") is not None and find_spec("webrtcvad") is not None

collect_ignore = [] if DECODER else ["test_corpus.py", "test_likeness.py", "test_measure.py"]
