"""How samples sound, as a page: the findings of each voice, and a table of what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voicectl.model.recording import Finding, LintedSample, LintReport
from voicectl.report import lint_words as words
from voicectl.report.document import code, fenced
from voicectl.report.escape import terminal

_SIGNS = {"error": "✗", "warning": "!"}


def render(report: LintReport, left_out: int = 0) -> str:
    """The document."""
    rest = f"; {left_out} left out by selectors" if left_out else ""
    parts = [
        f"<!-- voicectl lint of {report.namespace} -->\n### voicectl lint: {code(report.namespace)}\n",
        f"**{words.totals(report)}**{rest}.\n",
        *(_section(voice, found) for voice, found in words.by_voice(report).items()),
    ]
    heard = [sample for sample in report.samples if sample.measured]
    if heard:
        parts.append(f"<details><summary>Measurements</summary>\n\n{fenced(_table(heard))}\n</details>\n")
    return "\n".join(parts)


def _section(voice: str, found: Sequence[Finding]) -> str:
    lines = [f"{_SIGNS[one.level]} {words.subject(one)}: {words.message(one)} [{one.rule}]" for one in found]
    place = code(f"{found[0].file}:{found[0].line}")
    return f"#### {code(voice)}\n\n{place}\n\n{fenced(lines)}"


def _table(samples: Sequence[LintedSample]) -> Iterator[str]:
    yield "  LUFS   dBTP  noise    SNR   rate  seconds  file"
    for sample in samples:
        one = sample.measured
        assert one is not None
        loudness = "     -" if one.loudness is None else f"{one.loudness:6.1f}"
        yield (
            f"{loudness} {one.true_peak:6.1f} {one.noise:6.1f} {one.snr:6.1f} {one.rate:6} {one.seconds:8.1f}  "
            f"{terminal(sample.path)}"
        )
