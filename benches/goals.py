#!/usr/bin/env python3
"""Runs the scenarios of speed and prints a table for BASELINE.md: each goal with its figure, and whether it is met.

    python3 benches/goals.py [--creditctl PATH] [--json DIR] [SCENARIO...] [-- FLAGS OF creditctl bench]

Without names all of them, one after the other; the machine should have nothing else to do. A run that fails is told and
left out of the table, and the exit code is then 1.
"""

import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = ["peak", "small-frames", "single", "pipelined", "latency", "half-rate", "wallets-10m", "hot", "zipf",
             "wallets-100m", "restart", "projections", "disk"]


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.1f}"


def main():
    ours, flags = sys.argv[1:], []
    if "--" in ours:
        at = ours.index("--")
        ours, flags = ours[:at], ours[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--creditctl", default=str(HERE.parent / "target" / "release" / "creditctl"))
    parser.add_argument("--json", type=pathlib.Path, help="where the reports are kept, one file a scenario")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    chosen = parser.parse_args(ours)
    failed, machine = False, None
    print("| scenario | figure | goal | measured | met |\n|---|---|---|---|---|", flush=True)
    for scenario in chosen.scenarios or SCENARIOS:
        command = [chosen.creditctl, "bench", "--scenario", scenario, "-o", "json", *flags]
        done = subprocess.run(command, capture_output=True, text=True)
        if chosen.json:
            chosen.json.mkdir(parents=True, exist_ok=True)
            (chosen.json / f"{scenario}.json").write_text(done.stdout)
        report = json.loads(done.stdout) if done.stdout else {}
        if done.returncode != 0:
            failed = True
            print(f"{scenario} failed: {done.returncode} {report.get('violations') or report.get('error') or done.stderr}",
                  file=sys.stderr)
            continue
        machine = report["machine"]
        for bar in report["bars"]:
            goal = f"{bar['is']} {number(bar['bar'])}".replace(">=", "≥").replace("<=", "≤")
            met = "yes" if bar["met"] else "**no**"
            print(f"| `{scenario}` | {bar['figure']} | {goal} | {number(bar['value'])} | {met} |", flush=True)
    if machine:
        print(f"\n{machine['cores']} cores, {machine['memory_bytes'] >> 30} GiB, {machine['cpu']}, {machine['os']} "
              f"{machine['kernel']}, creditd {machine['creditd']}")
    sys.exit(1 if failed else 0)


main()
