"""Tests that need the decoder are skipped where `voicectl[audio]` is missing."""

from __future__ import annotations

import pytest

pytest.importorskip("av", reason="voicectl[audio] is not installed")
pytest.importorskip("webrtcvad", reason="voicectl[audio] is not installed")
