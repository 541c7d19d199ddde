"""Plans at size, beside the plans of peers that are installed, all in one run on one machine.

    make bench-plan ARGS="--sizes 1000 5000 --json result.json"

voicectl plans over loopback TCP against the emulator in a process of its own: caches cold (as in CI), warm, and
with every voice changed. Terraform plans as many `terraform_data` resources that hold `filesha256()` of the same
files; octoDNS compares as many records, YAML to YAML. A peer that is not installed is left out, and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.core import write_project
from tests.bench.process import account, emulator, run_command, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--sample-bytes", type=int, default=170_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [row for size in options.sizes for row in measure(size, options.sample_bytes)]
    table(rows, ("size", "what", "seconds", "cpu", "peak_mb", "ratio"))
    for name in ("terraform", "octodns-sync"):
        if not shutil.which(name):
            print(f"{name} is not installed: no comparison")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def measure(size: int, sample_bytes: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="voicectl-bench-") as directory:
        root = Path(directory) / "project"
        root.mkdir()
        write_project(root, size, sample_bytes)
        rows = ours(root, Path(directory) / "account.db")
        base = rows[0]["seconds"]
        rows += terraform(root, Path(directory) / "terraform") if shutil.which("terraform") else []
        rows += octodns(size, Path(directory) / "octodns") if shutil.which("octodns-sync") else []
    return [{"size": size, **row, "ratio": f"{row['seconds'] / base:.2f}"} for row in rows]


def ours(root: Path, database: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "voicectl"]
    with emulator(database) as url:
        environ = account(url)
        run_command([*command, "apply", "--yes", "--quiet"], root, environ)
        shutil.rmtree(root / ".voicectl")
        rows = [{"what": "plan without change, cold", **run_command([*command, "plan"], root, environ)}]
        rows.append({"what": "plan without change, warm", **run_command([*command, "plan"], root, environ)})
        manifest = root / "voices/all.yaml"
        manifest.write_text(re.sub(r"title: Voice", "title: Changed", manifest.read_text()), encoding="utf-8")
        rows.append({"what": "plan, every voice changed", **run_command([*command, "plan"], root, environ)})
    return rows


def terraform(root: Path, directory: Path) -> list[dict[str, Any]]:
    directory.mkdir()
    samples = sorted((root / "samples").iterdir())
    blocks = [f'resource "terraform_data" "v{n}" {{ input = filesha256("{path}") }}' for n, path in enumerate(samples)]
    (directory / "main.tf").write_text("\n".join(blocks) + "\n", encoding="utf-8")
    environ = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    for arguments in (["init"], ["apply", "-auto-approve"]):
        run_command(["terraform", *arguments], directory, environ)
    return [{"what": "terraform plan", **run_command(["terraform", "plan"], directory, environ)}]


def octodns(size: int, directory: Path) -> list[dict[str, Any]]:
    for side in ("source", "target"):
        (directory / side).mkdir(parents=True)
        records = [f"v{n}:\n  type: TXT\n  value: words of {n}" for n in range(size)]
        (directory / side / "bench.test.yaml").write_text("---\n" + "\n".join(records) + "\n", encoding="utf-8")
    provider = "  {0}:\n    class: octodns.provider.yaml.YamlProvider\n    directory: {1}\n    enforce_order: false\n"
    providers = "".join(provider.format(side, directory / side) for side in ("source", "target"))
    zones = "zones:\n  bench.test.:\n    sources: [source]\n    targets: [target]\n"
    (directory / "config.yaml").write_text(f"providers:\n{providers}{zones}", encoding="utf-8")
    command = ["octodns-sync", "--config-file", str(directory / "config.yaml")]
    return [{"what": "octodns-sync without change", **run_command(command, directory, dict(os.environ))}]


if __name__ == "__main__":
    main()
