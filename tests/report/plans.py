"""One set of plans for every renderer."""

from __future__ import annotations

from datetime import UTC, datetime

from voicectl.model.lock import ProviderIdentity
from voicectl.plan.plan import (
    Action,
    Change,
    FieldChange,
    Notice,
    Orphan,
    Plan,
    Refusal,
    Selectors,
    Source,
    Summary,
)

FISH = ProviderIdentity("fish", "api.fish.audio", "ac0" + "0" * 29)
UNTIL = datetime(2026, 11, 29, 10, tzinfo=UTC)
DESCRIPTION = (
    "Warm and mid-paced, recorded in the small studio with the close microphone. Made for audio books and long "
    "explanations; less suited to short announcements, for which the host is the better choice."
)


def model(number: int) -> str:
    return f"{number:032x}"


def at(line: int, file: str = "voices/narration.yaml") -> Source:
    return Source(file, line)


def field(
    name: str, desired: object, observed: object = None, recorded: object = None, cause: str = "manifest"
) -> FieldChange:
    return FieldChange(name, desired, recorded, observed, cause)  # type: ignore[arg-type]


def plan(
    *changes: Change, unchanged: int = 9, left_out: int = 0, environment: str | None = "production", **more: object
) -> Plan:
    return Plan(
        voicectl_version="1.0.0",
        catalog="acme",
        environment=environment,
        provider=FISH,
        changes=changes,
        summary=Summary.of(changes, unchanged=unchanged, left_out=left_out),
        **more,  # type: ignore[arg-type]
    )


CREATE = Change(
    "guide",
    Action.CREATE,
    "Acme Guide",
    source=at(31),
    reason="2 files, 34 s, with transcripts",
    fields=(
        field("title", "Acme Guide"),
        field("description", DESCRIPTION),
        field("visibility", "unlist"),
        field("tags", ("acme", "english", "warm")),
        field("cover_image", "sha256:" + "ab" * 32),
        field("inputs", "sha256:" + "cd" * 32),
    ),
)
UPDATE = Change(
    "narrator",
    Action.UPDATE,
    "Acme Storyteller",
    id=model(1),
    source=at(3),
    fields=(
        field("title", "Acme Storyteller", "Acme Narrator", "Acme Narrator"),
        field(
            "description",
            DESCRIPTION.replace("small studio", "large studio").replace("host", "guide"),
            DESCRIPTION,
            DESCRIPTION,
        ),
        field("visibility", "unlist", "private", "private"),
        field("tags", ("acme", "calm voice", "english"), ("acme", "english", "warm"), ("acme", "english", "warm")),
    ),
)
REPLACE = Change(
    "host",
    Action.REPLACE,
    "Acme Host",
    id=model(2),
    generation=3,
    source=at(12),
    reason="1 sample changed, 1 transcript changed",
    fields=(field("inputs", "sha256:" + "12" * 32, "sha256:" + "34" * 32, "sha256:" + "34" * 32),),
    undo_until=UNTIL,
    warnings=(f"{model(2)} is public: anybody may be using it elsewhere",),
)
RESTORE = Change(
    "teacher",
    Action.RESTORE,
    "Acme Teacher",
    id=model(3),
    generation=1,
    source=at(40),
    reason="a retired generation has these inputs",
    fields=(field("inputs", "sha256:" + "56" * 32, "sha256:" + "78" * 32, "sha256:" + "78" * 32),),
    undo_until=UNTIL,
)
RETIRE = Change(
    "jingle",
    Action.RETIRE,
    "Acme Jingle",
    id=model(4),
    generation=2,
    reason="removed from the manifests",
    undo_until=UNTIL,
)
PRUNE = Change("intro", Action.PRUNE, "Acme Intro", id=model(5), reason="its retention is over")
FORGET = Change("guest", Action.FORGET, "A Guest", id=model(6), reason="removed from the manifests, the model stays")
REFRESH = Change("anchor", Action.REFRESH, "Acme Anchor", id=model(7), source=at(50))
ADOPT = Change(
    "legacy",
    Action.UPDATE,
    "Legacy",
    adopted=True,
    id=model(8),
    source=at(60),
    fields=(
        field("marks", ("voicectl:acme.production", "voicectl:acme.production:legacy:adopted"), (), None, "marks"),
    ),
)
MOVE = Change(
    "storyteller",
    Action.UPDATE,
    "Acme Story",
    previous_name="teller",
    id=model(9),
    source=at(70),
    fields=(
        field(
            "marks",
            ("voicectl:acme.production", "voicectl:acme.production:storyteller:0123456789ab"),
            (),
            None,
            "moved",
        ),
    ),
)
DRIFT = Change(
    "announcer",
    Action.UPDATE,
    "Acme Announcer",
    id=model(10),
    source=at(80, "voices/stations.yaml"),
    fields=(
        field("title", "Acme Announcer", "Edited by hand", "Acme Announcer", "drift"),
        field("description", "From Git", "From the web app", "Before both", "conflict"),
    ),
)
SCRIPTS = Change(
    "katari",
    Action.UPDATE,
    "語り手・日本語のナレーター、落ち着いた声",
    id=model(11),
    source=at(5, "voices/世界.yaml"),
    fields=(
        field(
            "title",
            "語り手・日本語のナレーター、落ち着いた声",
            "語り手・日本語のナレーター",
            "語り手・日本語のナレーター",
        ),
        field("description", "الراوي بصوت هادئ", "الراوي بصوت دافئ", "الراوي بصوت دافئ"),
        field("tags", ("هادئ", "日本語"), ("日本語", "warm"), ("日本語", "warm")),
    ),
)
HOSTILE = "\x1b[2J</details>@everyone | `x` ```\n# not a heading\u202e"

PLANS: dict[str, Plan] = {
    "empty": plan(),
    "offline-empty": plan(environment=None, offline=True),
    "every-action": plan(
        REFRESH,
        UPDATE,
        ADOPT,
        MOVE,
        CREATE,
        REPLACE,
        RESTORE,
        FORGET,
        RETIRE,
        PRUNE,
        left_out=2,
        selectors=Selectors(exclude=("draft-*",)),
        orphaned=(Orphan(model(4), "jingle", "Acme Jingle"),),
        warnings=(
            Notice(
                "consent_expiring",
                "voices/narration.yaml:3: narrator: the consent expires on 2026-12-10, in 18 days",
                "renew it, or take the voice out of the manifests",
                ("narrator",),
            ),
        ),
    ),
    "refused": plan(
        DRIFT,
        RETIRE,
        refusals=(
            Refusal(
                "max_deletes",
                "4 of 9 voices would be retired or deleted; the limit is 2 (30%)",
                "if that is meant, run with --max-deletes 4",
            ),
            Refusal(
                "conflict",
                "announcer: description was changed both in Git and in the account: Git 'From Git', "
                "last applied 'Before both', account 'From the web app'",
                "take the account's value into the manifest, or run with --on-conflict overwrite or --on-conflict keep",
                ("announcer",),
            ),
        ),
    ),
    "scripts": plan(SCRIPTS),
    "hostile": plan(
        Change("narrator", Action.RETIRE, HOSTILE, id=model(1), reason=HOSTILE, undo_until=UNTIL),
        Change(
            "host",
            Action.UPDATE,
            HOSTILE,
            id=model(2),
            source=Source(HOSTILE + ".yaml", 1),
            fields=(field("title", HOSTILE, "Host", "Host"),),
            warnings=(HOSTILE,),
        ),
        warnings=(
            Notice("unmarked", f"model {model(3)} ({HOSTILE}) carries the tag voicectl:acme, but no marker", HOSTILE),
        ),
    ),
}
