"""What carrying out a plan came to, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voicectl.errors import VoicectlError
from voicectl.plan.plan import Change, Plan

RETRY_FAILED = "look at its samples, then run `voicectl apply --retry-failed`"
"""What to do about a training that failed: nothing else makes the model again."""
Status = Literal["done", "failed", "not_tried"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one change. `id` is the model that serves the name now, if any does."""

    change: Change
    status: Status
    id: str | None = None
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A difference that an apply should have ended, and did not."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What an apply did.

    `leftovers` are differences that it found afterwards, `unsaved` ids that could not be recorded;
    `error` stopped it early.
    """

    plan: Plan
    results: tuple[Result, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    unsaved: tuple[str, ...] = ()
    error: VoicectlError | None = None

    @property
    def failed_training(self) -> bool:
        """Whether any model failed to train, which the same command again would not mend."""
        left = any(RETRY_FAILED in leftover.message for leftover in self.leftovers)
        return left or any(result.hint == RETRY_FAILED for result in self.results)

    @property
    def succeeded(self) -> bool:
        """Whether every change was made and the plan is empty now."""
        done = all(result.status == "done" for result in self.results)
        return done and not self.leftovers and self.error is None
