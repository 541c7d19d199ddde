"""Drift: what the account shows against what was last applied, whatever the manifests want by now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import START, catalog, voice
from tests.plan.sides import TODAY, gone, lock, marks, model, record, seen
from voicectl.errors import UsageError
from voicectl.model.catalog import Catalog, Policy
from voicectl.model.lock import Blocked, Lock
from voicectl.model.observed import Model, Observation
from voicectl.model.voice import Consent
from voicectl.plan.drift import find_drift
from voicectl.plan.drift_report import DriftedVoice, DriftReport
from voicectl.plan.plan import Selectors
from voicectl.plan.request import DriftRequest

NARRATOR = voice("narrator", tags=("calm",))
RECORDED = record("m1", NARRATOR)
AS_APPLIED = model("m1", "narrator", tags=("calm",))


def drift(
    wanted: Catalog, held: Lock, observed: Observation, account: tuple[Model, ...] = (), **ask: Any
) -> DriftReport:
    report, _ = find_drift(DriftRequest(wanted, TODAY, **ask), held, observed, account)
    return report


def row(*models: Model, wanted: Any = NARRATOR, known: Any = RECORDED, **observed: Any) -> DriftedVoice:
    """What is said of `narrator`."""
    (found,) = drift(catalog(wanted), lock({"narrator": known}), seen(*models, **observed)).voices
    return found


def test_a_model_as_it_was_applied_is_in_step() -> None:
    shuffled = replace(AS_APPLIED, tags=tuple(reversed(AS_APPLIED.tags)), updated_at=START)
    for found in (row(AS_APPLIED), row(shuffled)):
        assert (found.status, found.fields, found.notes) == ("in_step", (), ())


def test_each_field_that_was_changed_is_shown_with_both_values() -> None:
    found = row(replace(AS_APPLIED, title="By hand", tags=(*marks("narrator"), "loud")))
    assert found.status == "changed"
    assert [(f.field, f.recorded, f.observed) for f in found.fields] == [
        ("title", "Narrator", "By hand"),
        ("tags", ("calm",), ("loud",)),
    ]


def test_a_manifest_that_is_ahead_is_counted_and_no_drift() -> None:
    ahead, new = replace(NARRATOR, metadata=voice("x").metadata), voice("new")
    report = drift(catalog(ahead, new), lock({"narrator": RECORDED}), seen(AS_APPLIED))
    assert [each.status for each in report.voices] == ["in_step"]
    assert report.summary.pending == 2


def test_a_blocked_value_and_an_ignored_field_are_not_ahead() -> None:
    wanted = voice("narrator", tags=("calm",), visibility="public", title="Other", ignore=["title"])
    known = replace(RECORDED, blocked={"visibility": Blocked("public", "private")})
    assert drift(catalog(wanted), lock({"narrator": known}), seen(AS_APPLIED)).summary.pending == 0


def test_manifests_that_can_not_be_read_say_nothing() -> None:
    report = drift(catalog(), lock({"narrator": RECORDED}), seen(AS_APPLIED), readable=False)
    assert (report.summary.pending, report.voices[0].status) == (0, "in_step")


EXPIRED = replace(NARRATOR, consent=Consent("Jane", expires_on=TODAY - timedelta(days=1)))
GRAVITY: list[tuple[str, dict[str, Any]]] = [
    ("taken_down", {"taken_down": True}),
    ("failed", {"state": "failed"}),
    ("changed", {"title": "By hand"}),
    ("retiring", {"release_state": "retiring"}),
    ("not_ready", {"state": "training"}),
]


@pytest.mark.parametrize("rank", range(len(GRAVITY)))
def test_the_gravest_of_what_holds_is_the_status(rank: int) -> None:
    """Each with everything that is less grave than it."""
    values: dict[str, Any] = {}
    for _, more in reversed(GRAVITY[rank:]):
        values |= more
    assert row(replace(AS_APPLIED, **values), wanted=EXPIRED).status == GRAVITY[rank][0]


def test_a_consent_that_has_ended_is_the_least_of_it() -> None:
    assert row(AS_APPLIED, wanted=EXPIRED).status == "consent_expired"
    last_day = replace(NARRATOR, consent=Consent("Jane", expires_on=TODAY))
    assert row(AS_APPLIED, wanted=last_day).status == "consent_expiring"
    later = replace(NARRATOR, consent=Consent("Jane", expires_on=TODAY + timedelta(days=31)))
    assert row(AS_APPLIED, wanted=later).status == "in_step"
    withdrawn = replace(NARRATOR, consent=Consent("Jane", withdrawn_on=TODAY))
    assert row(AS_APPLIED, wanted=withdrawn).status == "consent_expired"


@pytest.mark.parametrize(
    ("tags", "note"),
    [
        (("calm",), "its marks are gone"),
        (("calm", *marks("other")), "its marks were changed"),
        (("calm", *marks("narrator", retired=True)), "its marks were changed"),
        (("calm", "voicectl:theirs", *marks("narrator")), "it carries the marks of theirs"),
    ],
)
def test_marks_that_were_touched_are_drift(tags: tuple[str, ...], note: str) -> None:
    found = row(replace(AS_APPLIED, tags=tags))
    assert (found.status, found.notes[0]) == ("changed", note)


def test_what_is_gone_and_what_can_not_be_read_are_told_apart() -> None:
    gone_row, hidden = row(gone=frozenset({"m1"})), row(unreadable={"m1": "no access"})
    assert (gone_row.status, hidden.status) == ("missing", "missing")
    assert "gone from the account" in gone_row.notes[0]
    assert "can't be read, and may be gone: no access" in hidden.notes[0]
    # Another's model may become private at any time.
    assert row(known=replace(RECORDED, origin="external"), unreadable={"m1": "no"}).status == "in_step"


def test_only_what_was_made_here_has_inputs_that_nobody_can_verify() -> None:
    assert row(AS_APPLIED).unverifiable == ("samples", "enhance_audio_quality")
    assert row(AS_APPLIED, known=replace(RECORDED, origin="adopted")).unverifiable == ()


def test_a_cover_that_somebody_added_is_told_and_no_drift() -> None:
    covered = replace(AS_APPLIED, cover_image="coverimage/1")
    assert (row(covered).status, len(row(covered).notes)) == ("in_step", 1)
    ignored = voice("narrator", tags=("calm",), ignore=["cover_image"])
    assert row(covered, wanted=ignored).notes == ()


@pytest.mark.parametrize(
    ("seen_now", "note"),
    [
        (model("m0", "narrator", "zero", retired=True), None),
        (None, "is gone from the account"),
        (model("m0", "narrator", "zero"), "has other marks"),
        (model("m0", "narrator", "zero", retired=True, visibility="public"), "is public again"),
    ],
)
@pytest.mark.parametrize("removed", [False, True], ids=["of a voice", "of a removed voice"])
def test_retired_generations_are_audited_too(seen_now: Model | None, note: str | None, removed: bool) -> None:
    entry = gone("m0", "zero")
    if removed:
        held, wanted, models = lock(removed={"narrator": entry}), catalog(), ()
    else:
        held = lock({"narrator": replace(RECORDED, retired=(entry,))})
        wanted, models = catalog(NARRATOR), (AS_APPLIED,)  # type: ignore[assignment]
    observed = seen(*models, *([seen_now] if seen_now else []), gone=frozenset() if seen_now else frozenset({"m0"}))
    found = drift(wanted, held, observed).voices
    if note is None:
        assert [each.status for each in found] == ([] if removed else ["in_step"])
    else:
        assert found[0].status == ("missing" if removed and seen_now is None else "changed")
        assert f"retired generation 1 (m0) {note}" in found[0].notes


def test_models_that_nobody_knows_are_counted_by_whose_they_are() -> None:
    account = (
        model("stray", "lost"),
        model("plain"),
        model("claimed"),
        model("named"),
        model("theirs", tags=("voicectl:other",)),
        AS_APPLIED,
    )
    report = drift(
        catalog(NARRATOR, voice("adopts", None, model="named")),
        lock({"narrator": RECORDED}),
        seen(AS_APPLIED, account[0]),
        account,
        claimed=frozenset({"claimed"}),
    )
    assert [each.id for each in report.orphaned] == ["stray"]
    assert [each.id for each in report.unmanaged] == ["plain"]
    assert (report.summary.orphaned, report.summary.unmanaged, report.summary.foreign) == (1, 1, 1)


def test_a_model_whose_voice_is_only_not_recorded_yet_is_no_orphan() -> None:
    made = model("m2", "new")
    assert drift(catalog(NARRATOR, voice("new")), lock({"narrator": RECORDED}), seen(AS_APPLIED, made)).orphaned == ()
    assert drift(catalog(NARRATOR), lock({"narrator": RECORDED}), seen(AS_APPLIED, made)).orphaned != ()


def test_selectors_choose_and_count_what_is_left_out() -> None:
    held = lock({"narrator": RECORDED, "other": record("m2", voice("other"))})
    request = DriftRequest(catalog(NARRATOR), TODAY, selectors=Selectors(only=("narr*",)))
    report, left_out = find_drift(request, held, seen(AS_APPLIED))
    assert ([each.name for each in report.voices], left_out) == (["narrator"], 1)
    with pytest.raises(UsageError):
        drift(catalog(NARRATOR), held, seen(AS_APPLIED), selectors=Selectors(only=("nobody",)))


def test_what_to_do_about_a_model_that_apply_does_not_make_again() -> None:
    external = replace(NARRATOR, external=True, model="m1", samples=(), inputs=None)
    adopted = replace(NARRATOR, model="m1", samples=(), inputs=None)
    for wanted in (external, adopted):
        (remedy,) = row(wanted=wanted, known=replace(RECORDED, origin="adopted"), gone=frozenset({"m1"})).remedies
        assert remedy.startswith("correct `model` in its manifest")
    assert "makes it again" in row(gone=frozenset({"m1"})).remedies[0]


@pytest.mark.parametrize(("policy", "says"), [("overwrite", "sets Git's"), ("keep", "leaves"), ("fail", "stops")])
def test_what_to_do_about_a_change_follows_the_policy(policy: Any, says: str) -> None:
    wanted = replace(catalog(NARRATOR), policy=Policy(on_drift=policy))
    (found,) = drift(wanted, lock({"narrator": RECORDED}), seen(replace(AS_APPLIED, title="By hand"))).voices
    assert found.remedies[0].startswith(f"the next apply {says}")


def test_what_to_do_about_a_retired_generation() -> None:
    for known, models in (
        (replace(RECORDED, retired=(gone("m0"),)), [AS_APPLIED]),
        (RECORDED, [replace(AS_APPLIED, tags=("calm",))]),
    ):
        first = row(*models, known=known, gone=frozenset({"m0"})).remedies[0]
        assert first.startswith("the next apply looks after" if known.retired else "the next apply writes our marks")
    (left,) = drift(catalog(), lock(removed={"old": gone("m0")}), seen(model("m0", "old"))).voices
    assert left.status == "changed"
    assert left.remedies[0].startswith("the next apply looks after the marks")
