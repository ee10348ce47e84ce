#!/usr/bin/env python3
"""Runs every scenario of `creditctl bench` that measures speed in a short form, and checks what comes out.

Each must end with exit code 0 and a JSON with its figures, each goal of the table beside its figure, and the machine. Then one
runs with too few credits: its refusals must make it fail. What the figures are says nothing here.

    python3 tests/scenarios.py target/release/creditctl
"""

import json
import subprocess
import sys

LOAD = {"operations", "seconds", "operations_per_second", "p50_us", "p90_us", "p99_us", "p999_us", "max_us"}
COMPARED = {"operations_per_second", "beside_operations_per_second", "ratio", "ratio_lowest", "ratio_highest",
            "caught_up_seconds"}
MEMORY = {"wallets_beside", "ready_seconds", "resident_before_bytes", "resident_bytes_a_wallet", "resident_after_bytes"}
# Scenario: figures that must be there, and figures with a goal.
EXPECTED = {
    "peak": (LOAD, {"operations_per_second"}),
    "small-frames": (LOAD, {"operations_per_second"}),
    "single": (LOAD, {"operations_per_second", "p99_us"}),
    "pipelined": (LOAD, {"operations_per_second"}),
    "latency": (LOAD, {"p50_us"}),
    "half-rate": (LOAD | {"peak_operations_per_second", "wanted_operations_per_second"}, {"p50_us", "p99_us", "p999_us"}),
    "hot": (COMPARED, {"ratio"}),
    "zipf": (COMPARED, {"ratio"}),
    "wallets-10m": (COMPARED | MEMORY, {"ratio"}),
    "wallets-100m": (COMPARED | MEMORY | {"sweep_seconds", "sweep_processor_seconds"},
                     {"ratio", "resident_before_bytes", "sweep_seconds"}),
    "restart": ({"ready_seconds", "resident_bytes"}, {"ready_seconds"}),
    "projections": (LOAD | {"burst_operations_per_second", "ratio_to_burst", "caught_up_seconds", "lag_records_at_the_end",
                            "resident_highest_bytes"}, {"caught_up_seconds", "ratio_to_burst"}),
    "disk": (LOAD | {"journal_bytes", "written_bytes", "written_bytes_per_journal_byte"},
             {"written_bytes_per_journal_byte"}),
}
SHORT = {"--wallets": "2000", "--operations": "4000", "--rounds": "1", "--behind-bytes": "500000"}


def run(creditctl, scenario, more={}):
    """The exit code and the report."""
    flags = [word for flag in (SHORT | more).items() for word in flag]
    command = [creditctl, "bench", "--scenario", scenario, "-o", "json", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    try:
        return done.returncode, json.loads(done.stdout)
    except json.JSONDecodeError:
        sys.exit(f"{' '.join(command)}: {done.returncode}, no JSON: {done.stdout}{done.stderr}")


def check(creditctl, scenario, figures, goals):
    code, report = run(creditctl, scenario)
    if code != 0 or report.get("violations") != []:
        sys.exit(f"{scenario}: {code} {json.dumps(report, indent=1)}")
    missing = figures - report["figures"].keys()
    if missing or report["scenario"] != scenario:
        sys.exit(f"{scenario}: without {missing}: {json.dumps(report, indent=1)}")
    bars = {bar["figure"]: bar for bar in report["bars"]}
    if bars.keys() != goals:
        sys.exit(f"{scenario}: goals for {sorted(bars)}, expected for {sorted(goals)}")
    for name, bar in bars.items():
        value = report["figures"][name]
        met = value >= bar["bar"] if bar["is"] == ">=" else value <= bar["bar"]
        if bar["value"] != value or bar["met"] != met:
            sys.exit(f"{scenario}: {bar} beside {value}")
    if report["met"] != all(bar["met"] for bar in bars.values()):
        sys.exit(f"{scenario}: met is {report['met']}: {bars}")
    if report["machine"]["cores"] < 1 or not report["machine"]["creditd"] or report["parameters"]["wallets"] != 2000:
        sys.exit(f"{scenario}: {report['machine']} {report['parameters']}")


def main():
    creditctl = sys.argv[1]
    for scenario, (figures, goals) in EXPECTED.items():
        check(creditctl, scenario, figures, goals)
    # Ten wallets of a hundred and one credits each, and two thousand reserves of one.
    code, report = run(creditctl, "peak", {"--wallets": "10", "--funds": "1"})
    if code == 0 or not any("refused" in violation for violation in report["violations"]):
        sys.exit(f"refusals did not make a run fail: {code} {report}")
    print(f"{len(EXPECTED)} scenarios end well, and one with refusals does not")


main()
