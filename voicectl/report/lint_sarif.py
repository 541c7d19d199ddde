"""How samples sound, as SARIF."""

from __future__ import annotations

from voicectl.model.lint import RULES
from voicectl.model.recording import LintReport
from voicectl.report import lint_words as words
from voicectl.report import sarif


def render(report: LintReport, *, version: str, prefix: str = "") -> str:
    """The document. `prefix` is the project's place in the repository."""
    order = list(RULES)
    found = [
        sarif.result(
            one.rule,
            order.index(one.rule),
            one.level,
            f"{words.subject(one)} {words.message(one)}",
            (one.file, one.line),
            f"{report.namespace}/{one.voice}/{one.path or ''}/{one.rule}",
            prefix,
        )
        for one in report.findings
    ]
    return sarif.results(sarif.tool(version, _described()), f"voicectl-lint/{report.namespace}/", found)


def _described() -> list[sarif.SarifRule]:
    return [
        sarif.SarifRule(
            rule.name,
            sarif.name_of("Sound", rule.name),
            f"A finding if {rule.says}.",
            f"A finding if {rule.says}. {rule.advice}".strip(),
            "samples.md#the-rules",
        )
        for rule in RULES.values()
    ]
