"""The peers: terraform and octoDNS where they are installed, openssl for digests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from pathlib import Path

from tests.bench.process import Run, repeated, run

ENVIRON = {**os.environ, "CHECKPOINT_DISABLE": "1"}
PROVIDER = 'provider["terraform.io/builtin/terraform"]'


def terraform(samples: Path, directory: Path) -> Run | None:
    """`terraform plan` without change of one `terraform_data` a file that holds its filesha256(); None without it.

    The state is written here, as its apply would: that takes 20 minutes for 5,000. Exit code 0 with
    -detailed-exitcode proves that the plan finds nothing to do.
    """
    if not shutil.which("terraform"):
        return None
    directory.mkdir()
    files = sorted(samples.iterdir())
    blocks = [f'resource "terraform_data" "v{n}" {{ input = filesha256("{path}") }}' for n, path in enumerate(files)]
    (directory / "main.tf").write_text("\n".join(blocks) + "\n", encoding="utf-8")
    state = {
        "version": 4,
        "serial": 1,
        "lineage": str(uuid.uuid4()),
        "outputs": {},
        "resources": [_resource(number, path) for number, path in enumerate(files)],
    }
    (directory / "terraform.tfstate").write_text(json.dumps(state, indent=2), encoding="utf-8")
    run(["terraform", "init"], directory, ENVIRON)
    return repeated(3, ["terraform", "plan", "-detailed-exitcode"], directory, environ=ENVIRON)


def _resource(number: int, path: Path) -> dict[str, object]:
    value = {"value": hashlib.sha256(path.read_bytes()).hexdigest(), "type": "string"}
    attributes = {"id": str(uuid.uuid4()), "input": value, "output": value, "triggers_replace": None}
    instance = {"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": f"v{number}",
        "provider": PROVIDER,
        "instances": [instance],
    }


def octodns(size: int, directory: Path) -> Run | None:
    """`octodns-sync` without change of as many records, YAML to YAML; None without it."""
    if not shutil.which("octodns-sync"):
        return None
    for side in ("source", "target"):
        (directory / side).mkdir(parents=True)
        records = [f"v{n}:\n  type: TXT\n  value: words of {n}" for n in range(size)]
        (directory / side / "bench.test.yaml").write_text("---\n" + "\n".join(records) + "\n", encoding="utf-8")
    provider = "  {0}:\n    class: octodns.provider.yaml.YamlProvider\n    directory: {1}\n    enforce_order: false\n"
    providers = "".join(provider.format(side, directory / side) for side in ("source", "target"))
    zones = "zones:\n  bench.test.:\n    sources: [source]\n    targets: [target]\n"
    (directory / "config.yaml").write_text(f"providers:\n{providers}{zones}", encoding="utf-8")
    command = ["octodns-sync", "--config-file", str(directory / "config.yaml")]
    return repeated(3, command, directory)


def openssl(files: list[Path]) -> Run | None:
    """`openssl dgst -sha256` of the files, on one core; None without it."""
    if not shutil.which("openssl"):
        return None
    command = ["openssl", "dgst", "-sha256", *map(str, files)]
    return repeated(3, command, files[0].parent)
