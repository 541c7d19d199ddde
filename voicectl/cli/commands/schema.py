"""`voicectl schema`: the published JSON Schemas, made from the classes that read and write the formats.

`python -m voicectl.cli.commands.schema DIR` writes them all; `schemas/` in the repository is the result.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from voicectl.cli import printing
from voicectl.cli.context import Context
from voicectl.cli.options import subcommand
from voicectl.files import replace_file

KINDS = ("project", "manifest", "lock", "plan", "drift", "error", "lint")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@subcommand(name="schema", help="Print a JSON Schema of one of the formats, for editors and checks.")
@click.argument("kind", type=click.Choice(KINDS))
@click.pass_obj
def command(context: Context, kind: str) -> int:
    printing.out(schema_text(kind))
    return 0


def schema(kind: str) -> dict[str, Any]:
    """One schema, by its kind."""
    match kind:
        case "project" | "manifest":
            from voicectl.manifest import schema as manifest_schema

            made = manifest_schema.project_schema() if kind == "project" else manifest_schema.manifest_schema()
        case "lock":
            from voicectl.state import codec

            made = codec.schema()
        case "plan":
            from voicectl.plan.plan import Plan

            made = _of(Plan)
        case "drift":
            from voicectl.plan.drift_report import DriftReport

            made = _of(DriftReport)
        case "lint":
            from voicectl.model.recording import LintReport

            made = _of(LintReport)
        case _:
            from voicectl.report.failure import ErrorDocument

            made = _of(ErrorDocument)
    head = {"$schema": _DIALECT, "title": made.get("title", kind)}
    return {**head, **made}


def _of(kind: type[Any]) -> dict[str, Any]:
    from pydantic import TypeAdapter

    made: dict[str, Any] = TypeAdapter(kind).json_schema(mode="serialization")
    return made


def schema_text(kind: str) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


def write_all(directory: Path) -> None:
    """Write every schema to a directory, as `<kind>.schema.json`."""
    directory.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        replace_file(directory / f"{kind}.schema.json", schema_text(kind).encode())


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
