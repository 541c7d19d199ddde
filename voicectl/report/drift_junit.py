"""Drift as JUnit XML, a test case for each voice, which any CI shows.

It follows the schema of the Ant task (windyroad/JUnit-Schema), which CI systems agree on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from xml.etree import ElementTree as ET

from voicectl.errors import VoicectlError
from voicectl.plan.drift_report import DriftReport
from voicectl.report import drift_words as words

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: DriftReport, fail_on: Collection[str], now: datetime) -> str:
    """The document. Statuses in `fail_on` are failures, the others pass."""
    cases = list(_cases(report, fail_on))
    failures = sum(failure is not None for _, failure in cases)
    name = words.namespace(report)
    root, suite = _suite(name, now, tests=len(cases), failures=failures, errors=0)
    for title, failure in cases:
        case = ET.SubElement(suite, "testcase", {"classname": f"voicectl.{name}", "name": _text(title), "time": "0"})
        if failure is not None:
            status, text = failure
            ET.SubElement(case, "failure", {"type": status, "message": _text(text)}).text = _text(text)
    return _document(root, suite, words.totals(report))


def failure(error: VoicectlError, now: datetime) -> str:
    """The document if the command failed: one test case, an error."""
    root, suite = _suite("audit", now, tests=1, failures=0, errors=1)
    case = ET.SubElement(suite, "testcase", {"classname": "voicectl.drift", "name": "audit", "time": "0"})
    text = _text(error.message)
    ET.SubElement(case, "error", {"type": error.code, "message": text}).text = _text(f"{error.message}; {error.hint}")
    return _document(root, suite, error.message)


def _suite(name: str, now: datetime, *, tests: int, failures: int, errors: int) -> tuple[ET.Element, ET.Element]:
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", {
        "id": "0", "name": name, "package": "voicectl.drift", "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": "voicectl", "tests": str(tests), "failures": str(failures), "errors": str(errors), "time": "0",
    })  # fmt: skip
    ET.SubElement(suite, "properties")
    return root, suite


def _document(root: ET.Element, suite: ET.Element, out: str) -> str:
    ET.SubElement(suite, "system-out").text = _text(out)
    ET.SubElement(suite, "system-err")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False, short_empty_elements=True) + "\n"


def _cases(report: DriftReport, fail_on: Collection[str]) -> Iterator[tuple[str, tuple[str, str] | None]]:
    for voice in report.voices:
        fails = voice.status in fail_on
        yield voice.name, (voice.status, words.sentence(voice)) if fails else None
    for status, models in (("orphaned", report.orphaned), ("unmanaged", report.unmanaged)):
        if status in fail_on:
            yield from ((f"{status} {model.id}", (status, f"{status}: {model.title}")) for model in models)


def _text(text: str) -> str:
    """Only characters that XML 1.0 allows, on one line that a terminal can show."""
    from voicectl.report.escape import terminal

    return _NOT_XML.sub("\ufffd", terminal(text))
