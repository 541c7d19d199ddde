"""`voicectl preview`: a page to look at and listen to, of what a plan changes or of the whole catalog."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voicectl.cli import printing, reports, wiring
from voicectl.cli.commands import plan as plans
from voicectl.cli.confirm import agree
from voicectl.cli.context import Context
from voicectl.cli.gallery import Gallery, empty_directory
from voicectl.cli.options import selectors, subcommand
from voicectl.cli.recordings import Recordings
from voicectl.errors import UsageError, counted
from voicectl.files import replace_file
from voicectl.report import preview_html as html

if TYPE_CHECKING:
    from voicectl.cli.cards import Sources
    from voicectl.cli.spoken import Texts
    from voicectl.engine.plan import Prepared
    from voicectl.manifest.project import Project
    from voicectl.model.catalog import Catalog
    from voicectl.plan.drift_report import DriftReport
    from voicectl.plan.plan import Plan

_MARKER = ".voicectl-preview"
_PAGE = 500
"""Voices on a page; more make several pages."""


@subcommand(name="preview", help="Write a page to look at and listen to: what the plan changes, old and new.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the page goes.")
@click.option("--base", metavar="REV", help="Revision to look for earlier recordings in first.")
@click.option("--all", "everything", is_flag=True, help="The whole catalog, with search and filters.")
@click.option("--drift", "report", type=click.Path(path_type=Path), metavar="FILE", help="With --all: badges from it.")
@click.option("--say", metavar="TEXT", help="Let each voice's model say this. Costs credit.")
@click.option("--audition", metavar="TEXT", help="Let each voice's samples say this. Costs credit.")
@click.option("--yes", is_flag=True, help="Do not ask before speaking.")
@click.option("--public", is_flag=True, help="Leave out consent and metadata.")
@selectors
@click.pass_obj
def command(
    context: Context,
    /,
    out: Path,
    base: str | None,
    everything: bool,
    report: Path | None,
    say: str | None,
    audition: str | None,
    yes: bool,
    public: bool,
    **options: Any,
) -> int:
    from voicectl.cli import cards
    from voicectl.cli.past import Past
    from voicectl.cli.spoken import Texts
    from voicectl.plan.plan import Selectors

    if report is not None and not everything:
        raise UsageError("--drift shows badges on the page of the whole catalog", "add --all")
    project, catalog = wiring.load(context)
    context.log.problems(catalog.warnings)
    past = Past(project, base)
    prepared = _prepared(context, project, catalog, options, everything=everything)
    drift = _drift(context, report, prepared.planned.plan) if report is not None else None
    target = context.path(out)
    empty_directory(target, _MARKER)
    with _disk(), Recordings(project) as recordings:
        gallery = Gallery(project, target, past, recordings)
        sources = cards.Sources(catalog, prepared.lock, gallery, public=public)
        if everything:
            plan = None
            made = cards.of_catalog(sources, Selectors(options["only"], options["exclude"]), drift)
        else:
            plan = past.with_words(prepared.planned.plan, prepared.lock)
            made = cards.of_plan(sources, plan)
        made = _speaking(context, sources, made, Texts(say, audition), yes=yes)
        count = _write(target, _pages(plan, made, prepared))
    context.log.note(f"wrote {counted(count, 'page')} and {counted(len(gallery.copies), 'recording')} to {out}")
    printing.out(f"{target / 'index.html'}\n")
    return 0


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """What a disk refuses while a page is made, in words. Raises UsageError."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        words = f"the page can't be written: {where}{error.strerror or error}"
        raise UsageError(words, "make room, or put right what is there") from error


def _drift(context: Context, report: Path, plan: Plan) -> DriftReport:
    """A drift report of this catalog. Raises UsageError for any other file."""
    from voicectl.model.catalog import namespace
    from voicectl.plan.drift_report import DriftReport

    found = reports.read(DriftReport, context.path(report), f"--drift {report}", "voicectl drift --format json")
    if (found.catalog, found.environment) != (plan.catalog, plan.environment):
        whose = namespace(found.catalog, found.environment)
        raise UsageError(f"--drift {report} is a report of another catalog: {whose}", "make one of this catalog")
    return found


def _prepared(
    context: Context, project: Project, catalog: Catalog, options: Mapping[str, Any], *, everything: bool
) -> Prepared:
    """The plan: against the account where there is a key, else against the lockfile alone."""
    from voicectl.engine.plan import prepare

    # The page of the catalog shows no plan, so nobody has to be asked.
    offline = everything or (project.provider == "fish" and not os.environ.get("FISH_API_KEY"))
    asked = plans.request(options, project, catalog, offline=offline)
    store, identity = wiring.store(project), wiring.identity(project)

    async def made() -> Prepared:
        if offline:
            return await prepare(asked, store, identity, None)
        async with wiring.provider(project, context.log.reading()) as provider:
            return await prepare(asked, store, identity, provider)

    return wiring.run(made())


def _speaking(
    context: Context, sources: Sources, cards: list[html.Card], texts: Texts, *, yes: bool
) -> list[html.Card]:
    """The cards with what their voices say, spoken now or kept from an earlier time."""
    from voicectl.cli import spoken

    utterances = list(spoken.utterances(sources, [card.name for card in cards], texts))
    new = [each for each in utterances if not each.kept]
    if new:
        characters = sum(len(each.text) for each in new)
        requests = counted(len(new), "request")
        agree(f"speaking {characters:,} characters in {requests} will cost credit", yes, context)
    spoken.speak(context, sources.gallery.project, new)
    by_name: dict[str, list[html.Pair]] = {}
    for each in utterances:
        path = sources.gallery.add(f"{each.kind}-{each.key[:24]}.mp3", each.path)
        label = f"“{each.text}”" + (f" ({each.speech_model})" if each.speech_model else "")
        caption = "Says" if each.kind == "say" else "Its samples say"
        by_name.setdefault(each.voice, []).append(html.Pair(None, html.Player(label, path), caption))
    return [replace(card, pairs=(*card.pairs, *by_name.get(card.name, ()))) for card in cards]


def _pages(plan: Plan | None, cards: Sequence[html.Card], prepared: Prepared) -> Iterator[tuple[str, html.Page]]:
    """Each page with the name of its file: of what a plan changes, or without one of the whole catalog."""
    from voicectl.report import words

    made = prepared.planned.plan
    title = "What changes" if plan is not None else "The catalog"
    heading = " · ".join(words.heading(made.catalog, made.environment, made.provider, offline=made.offline))
    parts = [*words.counts(made), *words.others(made)] if plan is not None else [f"{len(cards)} voices"]
    notices = _notices(plan) if plan is not None else ()
    filters = _filters(cards) if plan is None else ()
    pages = html.paged(cards, _PAGE)
    names = ["index.html", *(f"page-{number}.html" for number in range(2, len(pages) + 1))]
    for number, some in enumerate(pages):
        links = tuple(html.Link(str(at + 1), name, at == number) for at, name in enumerate(names))
        yield names[number], html.Page(title, heading, ", ".join(parts), some, tuple(notices), filters, links)


def _notices(plan: Plan) -> Iterator[html.Notice]:
    from voicectl.report import words

    for level, notices in (("bad", plan.refusals), ("warn", plan.warnings)):
        yield from (html.Notice(level, words.sentence(n.message), words.sentence(n.hint)) for n in notices)


def _filters(cards: Iterable[html.Card]) -> tuple[html.Filter, ...]:
    every = list(cards)

    def choices(values: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({value for value in values if value}))

    return (
        html.Filter("tags", "Tag", choices(tag for card in every for tag in card.tags)),
        html.Filter("visibility", "Visibility", choices(card.visibility for card in every)),
        html.Filter("state", "State", choices(card.state for card in every)),
        html.Filter("file", "File", choices(card.file for card in every)),
    )


def _write(out: Path, pages: Iterable[tuple[str, html.Page]]) -> int:
    count = 0
    for name, page in pages:
        replace_file(out / name, html.render(page).encode())
        count += 1
    return count
