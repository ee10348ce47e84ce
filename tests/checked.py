#!/usr/bin/env python3
"""Reads a report of `creditctl bench --validate -o json` and fails where less than PERCENT of the operations were checked.

A check that leaves out what it cannot decide passes whatever the daemon does, if it leaves out everything.
"""

import json
import sys


def main():
    percent = int(sys.argv[1])
    report = json.load(sys.stdin)
    validated = report["validated"]
    operations, checked, violations = (validated[name] for name in ("operations", "checked", "violations"))
    print(f"{checked} of {operations} operations checked, {violations} violations")
    if violations:
        sys.exit(f"violations: {validated['told']}")
    if operations == 0 or operations < report["operations"]:
        sys.exit(f"{operations} operations are in the history, and {report['operations']} were sent")
    if checked * 100 < operations * percent:
        sys.exit(f"less than {percent} % of the operations were checked")


main()
