"""A failure as a page, for the place where a report was expected."""

from __future__ import annotations

from voicectl.errors import InvalidFiles, VoicectlError
from voicectl.report.escape import terminal
from voicectl.report.markdown import fenced

MAX_PROBLEMS = 100


def render(failure: VoicectlError, command: str) -> str:
    """What went wrong and what to do, everything in code: messages quote manifests and servers."""
    lines = [terminal(failure.message)]
    lines += [f"    {terminal(failure.hint)}"] if failure.hint else []
    text = f"### voicectl {command}: failed\n\n{fenced(lines)}"
    if isinstance(failure, InvalidFiles):
        shown = [terminal(str(problem)) for problem in failure.problems[:MAX_PROBLEMS]]
        more = len(failure.problems) - len(shown)
        shown += [f"… and {more} more: `voicectl validate` lists them all"] if more else []
        text += f"\n{fenced(shown)}"
    return text
