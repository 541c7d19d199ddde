"""`voicectl help`: the pages for readers, and the page of commands, which is made from the commands themselves.

`python -m voicectl.cli.commands.help FILE` writes that page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from textwrap import wrap
from typing import cast

import click

from voicectl.cli import printing
from voicectl.cli.context import Context
from voicectl.cli.options import global_options, subcommand
from voicectl.errors import UsageError
from voicectl.report.terminal import Style

TOPICS = (
    "concepts",
    "manifests",
    "samples",
    "consent",
    "first-account",
    "environments",
    "ci",
    "monorepo",
    "state",
    "marks",
    "limits",
    "commands",
    "formats",
    "logs",
    "emulator",
    "troubleshooting",
    "versions",
)
"""Every page, in the order in which a reader may want them."""
ALIASES = {
    "account": "first-account",
    "drift-status": "ci",
    "exit-codes": "commands",
    "glossary": "concepts",
    "lockfile": "state",
    "rules": "manifests",
}
"""Other words for pages."""


def _topics(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [topic for topic in TOPICS if topic.startswith(incomplete)]


@subcommand(name="help", help="Print a page for readers, or list them all.")
@click.argument("topic", nargs=-1, shell_complete=_topics)
@click.pass_context
def command(ctx: click.Context, /, topic: tuple[str, ...]) -> int:
    root = ctx.find_root()
    group, context = cast(click.Group, root.command), cast(Context, root.obj)
    name = ALIASES.get(topic[0], topic[0]) if len(topic) == 1 else None
    if not topic:
        printing.out(_list(printing.style(context)))
    elif name in TOPICS:
        also = f"\nThe command: `voicectl {name} --help`\n" if group.get_command(root, name) else ""
        _show(page(name) + also, context)
    elif (found := _found(root, topic)) is not None:
        printing.out(found.command.get_help(found) + "\n")
    else:
        from difflib import get_close_matches

        close = get_close_matches(topic[0], [*TOPICS, *ALIASES, *group.list_commands(root)], 1, 0.75)
        hint = f"did you mean '{close[0]}'?" if close else "`voicectl help` lists the pages"
        raise UsageError(f"there is no page '{' '.join(topic)}'", hint)
    return 0


def _found(root: click.Context, words: tuple[str, ...]) -> click.Context | None:
    """The command of these words, `state merge` say; None if there is none."""
    ctx = root
    for word in words:
        below = ctx.command.get_command(ctx, word) if isinstance(ctx.command, click.Group) else None
        if below is None:
            return None
        ctx = click.Context(below, info_name=word, parent=ctx)
    return ctx


def page(topic: str) -> str:
    """A page, in Markdown."""
    return (files("voicectl") / "pages" / f"{topic}.md").read_text(encoding="utf-8")


def _list(style: Style) -> str:
    widest = max(map(len, TOPICS))
    lines = []
    for topic in TOPICS:
        text = f"  {topic:{widest}}  {_summary(page(topic))}"
        lines += wrap(text, max(style.columns or 1000, widest + 30), subsequent_indent=" " * (widest + 4))
    return "\n".join(["Pages (voicectl help TOPIC):", "", *lines, "", "Commands: voicectl --help", ""])


def _summary(text: str) -> str:
    """The first sentence of a page, which says for whom it is."""
    return " ".join(text.split("\n\n")[1].split())


def _show(text: str, context: Context) -> None:
    """On a terminal through a pager, laid out for its width; elsewhere as it is written."""
    if not sys.stdout.isatty():
        printing.out(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    style = printing.style(context)
    console = Console(width=min(style.columns or 80, 100), no_color=not style.colour, highlight=False)
    with console.capture() as captured:
        console.print(Markdown(text))
    laid_out = captured.get()
    try:
        click.echo_via_pager(laid_out, color=style.colour)
    except ValueError:  # PAGER can't be understood
        printing.out(laid_out)


HEAD = """# Commands

For those who look up an option: every command, made from the commands themselves.

Results go to standard output, everything else to standard error. With a machine format, standard output holds that one
document, also when a command fails.

| exit code | meaning |
|---|---|
| 0 | done; with `--detailed-exitcode`, and always for `drift`: nothing differs |
| 1 | an error, a usage error, an apply in which any voice failed, `lint` with findings of its level |
| 2 | `plan --detailed-exitcode`: there are changes; `drift`: drift was found; `diff`: differences |
| 3 | refused, a person must decide: policy, protection, conflict, consent, not confirmed |
| 4 | try again: the state is locked by another run or was changed by one |
| 130 | interrupted |

| variable | meaning |
|---|---|
| `FISH_API_KEY` | the key; voicectl reads it from nowhere else, and takes it out of every message |
| `FISH_API_URL` | another endpoint: https, or plain http to this machine only |
| `VOICECTL_ENV` | the environment; the other global options have a variable too (`VOICECTL_CHDIR`, …) |
| `NO_COLOR` | no colours |
| `CI` | no progress display, no questions |
| `GITHUB_ACTIONS`, `GITLAB_CI` | `true`: the same, with annotations and folded lines |
| `GITHUB_TOKEN`, `GITLAB_TOKEN` | for `voicectl ci` alone; taken out of every message too |
| `VOICECTL_BOT` | who `GITHUB_TOKEN` writes as, if it is a GitHub App's: `voices[bot]` |

No variable confirms anything or lifts a limit. A selector (`--only`, `--exclude`) is a name, a glob or `tag:x`.

Completion: `eval "$(voicectl completion bash)"` in `~/.bashrc` (bash 4.4 or newer), the same with `zsh` in `~/.zshrc`
after `compinit`, and `voicectl completion fish > ~/.config/fish/completions/voicectl.fish`.
"""


def commands_page() -> str:
    """The page of commands: sections, usage, options."""
    from voicectl.cli.main import SECTIONS, cli

    root = click.Context(cli, info_name="voicectl")
    parts = [HEAD, "## Global options\n\nBefore or after the command.\n", _options(_global(), root)]
    for section, names in SECTIONS.items():
        parts.append(f"## {section}\n")
        for name in names:
            parts += _command(cli.get_command(root, name), name, root)
    return "\n".join(parts)


def _command(each: click.Command | None, name: str, parent: click.Context) -> Iterator[str]:
    assert each is not None
    ctx = click.Context(each, info_name=name, parent=parent)
    usage = " ".join([ctx.command_path, *(p for p in each.collect_usage_pieces(ctx) if p != "[OPTIONS]")])
    yield f"### `{usage}`\n\n{(each.help or '').strip()}\n"
    yield _options([p for p in each.params if p.name not in {g.name for g in _global()}], ctx)
    for below in each.list_commands(ctx) if isinstance(each, click.Group) else ():
        yield from _command(cast(click.Group, each).get_command(ctx, below), below, ctx)


def _global() -> list[click.Parameter]:
    version = click.Option(["--version"], is_flag=True, help="Show the version.")
    return [*click.command()(global_options()(lambda: None)).params, version]


def _options(parameters: list[click.Parameter], ctx: click.Context) -> str:
    options = [each for each in parameters if isinstance(each, click.Option)]
    records = [record for each in options if (record := each.get_help_record(ctx))]
    if not records:
        return ""
    rows = [f"| `{_cell(names)}` | {_cell(text)} |" for names, text in records]
    return "\n".join(["| option | what it does |", "|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


BEGIN, END = "<!-- made from the rules: begin -->\n", "<!-- made from the rules: end -->\n"


def rules_table() -> str:
    """The rules of `lint`, for the page on samples."""
    from voicectl.model.lint import RULES

    rows = ["| rule | default | a finding if | the threshold comes from |", "|---|---|---|---|"]
    for rule in RULES.values():
        at = "" if rule.at is None else f", {rule.at:g} {rule.unit}".rstrip()
        rows.append(f"| `{rule.name}` | {rule.level}{at} | {rule.says} | {rule.source} |")
    return "\n".join([*rows, ""])


def _write(directory: Path) -> None:
    """Write what is generated of the pages."""
    made = {"commands.md": commands_page()}
    head, _, rest = page("samples").partition(BEGIN)
    made["samples.md"] = head + BEGIN + rules_table() + END + rest.partition(END)[2]
    for name, text in made.items():
        (directory / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
