"""`voicectl lint`: decode the samples, and tell how they sound."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voicectl.cli import printing, reports, wiring
from voicectl.cli.context import Context
from voicectl.cli.options import selectors, subcommand
from voicectl.cli.recordings import Recordings
from voicectl.cli.reports import report_option
from voicectl.errors import Place, Problem, UsageError, VoicectlError
from voicectl.report.terminal import Style
from voicectl.version import VERSION

if TYPE_CHECKING:
    from voicectl.audio.hearing import Heard
    from voicectl.manifest.project import Project
    from voicectl.model.recording import LintReport, Unheard
    from voicectl.model.voice import Sample, Voice
    from voicectl.plan.plan import Selectors

_FORMATS = ("text", "json", "markdown", "github", "sarif")
_EVERY_SECONDS = 10.0
_FAILING = {"error": ("error",), "warning": ("error", "warning"), "never": ()}


def _shard(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", value)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"{value!r} is not I/N, such as 1/4 for the first of four parts.")
    return int(found[1]), int(found[2])


@subcommand(name="lint", help="Tell how the samples sound. Decodes them, which needs voicectl[audio].")
@click.option("--format", "fmt", type=click.Choice(_FORMATS), default="text", help="How to print the findings.")
@report_option(*_FORMATS)
@click.option(
    "--fail-on", type=click.Choice(list(_FAILING)), default="error", show_default=True, help="What ends with 1."
)
@click.option("--shard", metavar="I/N", callback=_shard, help="Measure only this part, for a CI matrix.")
@click.option(
    "--merge",
    "merged",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Judge what shards measured (their JSON); repeatable, and decodes nothing.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Measure on a Dask cluster (voicectl[dask]).")
@selectors
@click.pass_obj
def command(
    context: Context,
    /,
    fmt: str,
    fail_on: str,
    shard: tuple[int, int] | None,
    merged: tuple[Path, ...],
    scheduler: str | None,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
) -> int:
    from voicectl.plan.plan import Selectors

    if merged and (shard or scheduler):
        raise UsageError("--merge decodes nothing, so --shard and --scheduler make no sense with it", "leave them out")
    linted = lint(context, Selectors(only, exclude), shard, merged, scheduler)
    reports.write(context, lambda fmt: rendered(linted, fmt, None))
    printing.out(rendered(linted, fmt, context))
    if fmt == "github":
        context.log.annotated(_problems(linted.report))
    return 1 if any(finding.level in _FAILING[fail_on] for finding in linted.report.findings) else 0


@dataclass(frozen=True, slots=True)
class Linted:
    """A report, with what its renderers need beside it: `prefix` is the project's place in the repository."""

    report: LintReport
    left_out: int
    prefix: str


def lint(
    context: Context,
    selectors: Selectors,
    shard: tuple[int, int] | None,
    merged: Sequence[Path],
    scheduler: str | None,
) -> Linted:
    """Measure the selected voices' samples, or take what shards have measured, and judge them by the rules.

    Raises InvalidFiles, UsageError, NoDecoder, ClusterFailed, LintIncomplete.
    """
    from voicectl.audio import advice
    from voicectl.audio.measure import VERSION as MEASURE_VERSION
    from voicectl.model.lint import Rules
    from voicectl.model.recording import LintReport, Recording
    from voicectl.plan.request import selected_voices

    project, catalog = wiring.load(context)
    context.log.problems(catalog.warnings)
    voices, left_out = selected_voices(catalog, selectors)
    samples = _part([(voice, sample) for voice in voices for sample in voice.samples], shard)
    files = _files(project, [sample for _, sample in samples])
    prefix = wiring.repository_prefix(project.root)
    heard = _merged(context, merged, files) if merged else _heard(context, project, files, scheduler)
    recordings = [
        Recording.of(voice, sample, heard.get(sample.digest) or _pointer(prefix + sample.path))
        for voice, sample in samples
    ]
    found = advice.findings(recordings, Rules(catalog.policy.lint), together=shard is None)
    report = LintReport.of(
        catalog.name,
        catalog.environment,
        recordings,
        found,
        shard=f"{shard[0]}/{shard[1]}" if shard else None,
        version=MEASURE_VERSION,
    )
    return Linted(report, left_out, prefix)


def _part(samples: list[tuple[Voice, Sample]], shard: tuple[int, int] | None) -> list[tuple[Voice, Sample]]:
    """The samples of a shard, the same recording always in the same one; all without a shard."""
    if shard is None:
        return samples
    number, of = shard
    mine = set(sorted({sample.digest for _, sample in samples})[number - 1 :: of])
    return [(voice, sample) for voice, sample in samples if sample.digest in mine]


def _files(project: Project, samples: Iterable[Sample]) -> dict[str, Path]:
    """The file of each sample, by digest. Git LFS pointers whose object is not in this clone have none."""
    objects = Recordings(project)
    files = {}
    for sample in samples:
        path = objects.here(sample) if sample.pointer else project.root / sample.path
        if path is not None:
            files[sample.digest] = path
    return files


def _heard(context: Context, project: Project, files: Mapping[str, Path], scheduler: str | None) -> dict[str, Heard]:
    """What was heard of each recording, by this machine's processes or a cluster's. Raises NoDecoder, ClusterFailed."""
    from voicectl.audio import hearing

    if not hearing.has_decoder() and scheduler is None:
        raise hearing.NoDecoder("`voicectl lint`")
    workers = hearing.here() if scheduler is None else hearing.on_cluster(scheduler)
    return hearing.hear_all(files, hearing.Kept(project.root), workers, _progress(context))


class LintIncomplete(VoicectlError):
    """The files of `--merge` lack samples of the catalog, or are of another version."""

    code = "lint_incomplete"


def _merged(context: Context, files: Sequence[Path], wanted: Collection[str]) -> dict[str, Heard]:
    """What the shards' reports say of each recording. Raises LintIncomplete, UsageError."""
    from voicectl.audio.measure import VERSION as MEASURE_VERSION
    from voicectl.model.recording import LintReport, Unheard

    command_line = "voicectl lint --shard I/N --format json"
    found: dict[str, Heard] = {}
    for name in files:
        report = reports.read(LintReport, context.path(name), f"--merge {name}", command_line)
        if report.measure_version != MEASURE_VERSION:
            raise LintIncomplete(f"{name} was measured by another voicectl", "measure every shard with this one")
        for sample in report.samples:
            found[sample.audio] = sample.measured or Unheard(sample.unheard or "was not heard", sample.unheard_hint)
    missing = [digest for digest in wanted if digest not in found]
    if missing:
        raise LintIncomplete(
            f"these files lack {len(missing)} of {len(wanted)} samples",
            "name the JSON report of every shard, all measured on this commit with the same selectors",
        )
    return found


def _pointer(path: str) -> Unheard:
    """The finding for a Git LFS pointer, whose path in the repository this is."""
    from voicectl.hosting.lfs import pull
    from voicectl.model.recording import Unheard

    return Unheard("is a Git LFS pointer, so its sound is not here", f"run {pull([path])}")


def _progress(context: Context) -> Callable[[int, int], None]:
    """Says every few seconds how far it is: a catalog of a thousand samples takes minutes."""
    last = time.monotonic()

    def say(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY_SECONDS and done < of:
            last = time.monotonic()
            context.log.note(f"listened to {done:,} of {of:,} samples")

    return say


def _problems(report: LintReport) -> list[Problem]:
    """The findings as problems of the manifests."""
    from voicectl.report import lint_words as words

    return [
        Problem(Place(one.file, one.line), f"{words.subject(one)}: {words.message(one)} [{one.rule}]", "", one.level)
        for one in report.findings
    ]


def rendered(linted: Linted, fmt: str, context: Context | None) -> str:
    """The report in one of its formats; without a context it is for a file, not for this terminal."""
    report = linted.report
    match fmt:
        case "json":
            from voicectl.report.document import versioned

            return versioned(report)
        case "markdown":
            from voicectl.report import lint_markdown

            return lint_markdown.render(report, linted.left_out)
        case "github":
            from voicectl.report import files_text

            return files_text.github(_problems(report), linted.prefix)
        case "sarif":
            from voicectl.report import lint_sarif

            return lint_sarif.render(report, version=VERSION, prefix=linted.prefix)
    from voicectl.report import lint_text

    style = printing.style(context) if context else Style()
    return lint_text.render(report, style, linted.left_out)
