"""`make bench`: every measure beside its peer, as one table of ratios, and as JSON.

    make bench ARGS="--sizes 1000 5000 10000 --json bench.json"

The emulator runs in a process of its own, over loopback TCP, and its time is in every figure: a bare client
against the same server stands beside it. Peers that are not installed are left out, and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path

from tests.bench import apply, plan, small
from tests.bench.process import Row, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000, 10_000], help="voices of the plans")
    parser.add_argument("--sample-bytes", type=int, default=170_000, help="of each voice's sample in the plans")
    parser.add_argument("--voices", type=int, default=500, help="creates of the applies")
    parser.add_argument("--large-mb", type=int, default=50, help="of each of 20 samples")
    parser.add_argument("--only", choices=["small", "plan", "apply"], help="one group of measures")
    parser.add_argument("--json", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    groups: dict[str, Callable[[], list[Row]]] = {
        "small": lambda: [row for measure in small.MEASURES.values() for row in measure()],
        "plan": lambda: plan.measure(options.sizes, options.sample_bytes),
        "apply": lambda: apply.measure(options.voices, options.large_mb),
    }
    rows = [row for name, measure in groups.items() if options.only in (None, name) for row in measure()]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    missing = [name for name in ("terraform", "octodns-sync", "openssl") if not shutil.which(name)]
    print(f"{date.today()}, {machine}" + (f"; not installed: {', '.join(missing)}" if missing else ""))
    print()
    print(table(rows))
    content = {"date": str(date.today()), "machine": machine, "missing": missing, "rows": [asdict(row) for row in rows]}
    options.json.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
