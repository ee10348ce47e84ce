#!/usr/bin/env python3
"""Lists the rules of the domain with the tests that name them, and fails when a rule has none.

A test names a rule when the comment above it, or its own name, carries the rule's number: `/// R12: ...` or
`fn r12_...`. A range such as `R22-R30` names only its two ends, so that nothing is covered by a sweeping remark.
"""
import pathlib
import re
import sys

# R1 to R35 without R34 (statements and usage come later), and the outcomes of R40.
RULES = [*range(1, 34), 35, 40]
COMMENT = re.compile(r"^\s*(///|//!|//|#\[)(.*)$")
TEST = re.compile(r"^\s*#\[(tokio::)?test\b")
NAME = re.compile(r"^\s*(?:pub(?:\(crate\))? )?(?:async )?fn (\w+)")
NUMBER = re.compile(r"\bR(\d{1,2})\b")


def tests_of(text):
    """Yields (name of the test, numbers of the rules that its comment or name carries)."""
    numbers, is_test = set(), False
    for line in text.splitlines():
        if TEST.match(line):
            is_test = True
        comment = COMMENT.match(line)
        if comment:
            numbers.update(int(number) for number in NUMBER.findall(comment.group(2)))
            continue
        name = NAME.match(line)
        if name and is_test:
            own = {int(number) for number in re.findall(r"(?:^|_)r(\d{1,2})(?=_|$)", name.group(1))}
            yield name.group(1), numbers | own
        if line.strip():
            numbers, is_test = set(), False


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    named = {rule: [] for rule in RULES}
    for path in sorted([*root.glob("src/**/*.rs"), *root.glob("tests/**/*.rs")]):
        for test, numbers in tests_of(path.read_text(encoding="utf-8")):
            for number in numbers & named.keys():
                named[number].append(f"{path.relative_to(root)}: {test}")
    verbose = "--all" in sys.argv
    for rule, tests in named.items():
        print(f"R{rule}: {len(tests)} tests" + (f", first {tests[0]}" if tests else ""))
        if verbose:
            print("".join(f"    {test}\n" for test in tests), end="")
    without = [f"R{rule}" for rule, tests in named.items() if not tests]
    print("rules without a test: " + (", ".join(without) or "none"))
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
