"""`show --format json` and the error document: made from the classes and functions that define their form."""

from __future__ import annotations

import json
from datetime import date

from voicectl.errors import InvalidFiles, Place, Problem, Refused
from voicectl.model.catalog import Catalog
from voicectl.model.lock import Lock, ProviderIdentity
from voicectl.model.voice import Consent, Metadata, Voice
from voicectl.plan.rules import desired_form
from voicectl.report import catalog_json, failure


def test_desired_is_the_form_that_rules_judge() -> None:
    consent = Consent("Jane Roe", "consents/jane.pdf", granted_on=date(2026, 1, 1))
    voice = Voice(
        "narrator",
        Place("voices/a.yaml"),
        Metadata(title="Narrator", tags=("a",)),
        consent=consent,
        free={"owner": "x"},
    )
    catalog = Catalog("acme", voices={"narrator": voice})
    shown = json.loads(catalog_json.show_json("narrator", catalog, Lock("acme", None, ProviderIdentity("fish", "h"))))
    assert shown["desired"] == desired_form(voice)
    assert shown["desired"]["consent"]["granted_on"] == "2026-01-01"
    assert shown["desired"]["metadata"] == {"owner": "x"}


def test_an_error_has_problems_only_if_files_are_wrong() -> None:
    values = json.loads(failure.as_document(Refused("no", "add it")))["error"]
    assert values == {"code": "refused", "message": "no", "hint": "add it", "where": []}
    problem = Problem(Place("a.yaml", 2, 3), "wrong", "right", "warning")
    values = json.loads(failure.as_document(InvalidFiles([problem])))["error"]
    assert values["problems"] == [
        {"level": "warning", "file": "a.yaml", "line": 2, "column": 3, "message": "wrong", "hint": "right"}
    ]
