#!/usr/bin/env python3
"""Runs every scenario of time of `creditctl bench` in a short form, and checks what comes out.

Each must end with exit code 0, without violations, with its figures and the bars beside them. It ends with 70 where a wallet
is not rolled, or twice, where a hold does not end, or before its time, where a request sees the day that has ended, and
where the load is refused anything. What the figures are says nothing here. Then one runs on a folder that lacks a wallet,
and must fail.

    python3 tests/time_scenarios.py target/release/creditctl
"""

import json
import os
import subprocess
import sys
import tempfile

LIVE = {"live_p99_before_us", "live_p99_beside_us", "live_frames_before", "live_frames_beside"}
# Scenario: figures that must be there, and figures with a bar.
EXPECTED = {
    "day": (LIVE | {"sweep_took_ms"}, {"first_request_of_the_new_day_ms", "sweep_cpu_ms", "live_p99_ratio"}),
    "cycles": (LIVE | {"rolled_after_ms"}, {"durable_after_ms", "live_p99_ratio"}),
    "hold-ends": (LIVE | {"expired_after_ms", "ends_spread_ms"}, {"durable_after_ms", "live_p99_ratio"}),
    "missed-days": ({"stop_s", "resident_mib"}, {"ready_after_s"}),
}
SHORT = ["--wallets", "20000", "--lead", "3s", "--live-rate", "20000", "--boundaries", "1"]


# A creditd whose `seed` makes one account less than it is told to.
ONE_LESS = """#!/bin/sh
[ "$1" = seed ] || exec "{creditd}" "$@"
directory=$2 accounts=$(($4 - 1))
shift 4
exec "{creditd}" seed "$directory" --accounts $accounts "$@"
"""


def run(creditctl, scenario, more=()):
    """The exit code and the report."""
    command = [creditctl, "bench", "--scenario", scenario, "-o", "json", *SHORT, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    try:
        return done.returncode, json.loads(done.stdout)
    except json.JSONDecodeError:
        sys.exit(f"{scenario}: {done.returncode}, no JSON: {done.stdout}{done.stderr}")


def check(creditctl, scenario, figures, bars):
    code, report = run(creditctl, scenario)
    if code != 0 or report.get("violations") != []:
        sys.exit(f"{scenario}: {code} {json.dumps(report, indent=1)}")
    missing = (figures | bars) - report["figures"].keys()
    if missing or report["scenario"] != scenario or report["parameters"]["wallets"] != 20000:
        sys.exit(f"{scenario}: without {missing}: {json.dumps(report, indent=1)}")
    if {bar["figure"] for bar in report["bars"]} != bars or report["met"] != all(bar["met"] for bar in report["bars"]):
        sys.exit(f"{scenario}: {report['bars']} {report['met']}")
    if "live_frames_before" in figures and min(report["figures"][name] for name in LIVE) <= 0:
        sys.exit(f"{scenario}: a load that nobody has seen: {report['figures']}")
    if report["machine"]["cores"] < 1 or not report["machine"]["creditd"]:
        sys.exit(f"{scenario}: {report['machine']}")


def must_fail(creditctl, scenario):
    with tempfile.TemporaryDirectory() as folder:
        creditd = os.path.join(folder, "creditd")
        with open(creditd, "w", encoding="utf-8") as script:
            script.write(ONE_LESS.format(creditd=os.path.join(os.path.dirname(os.path.abspath(creditctl)), "creditd")))
        os.chmod(creditd, 0o755)
        code, report = run(creditctl, scenario, ["--creditd", creditd])
    if code != 70 or not any("19999 wallets of 20000" in violation for violation in report.get("violations", [])):
        sys.exit(f"a missing wallet did not make {scenario} fail: {code} {json.dumps(report, indent=1)}")


def main():
    for scenario, (figures, bars) in EXPECTED.items():
        check(sys.argv[1], scenario, figures, bars)
    must_fail(sys.argv[1], "missed-days")
    print(f"{len(EXPECTED)} scenarios of time end as they must, and one without a wallet does not")


main()
