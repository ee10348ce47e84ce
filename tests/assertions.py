#!/usr/bin/env python3
"""Counts the assertions of `wallet` and `journal` a function, and fails where they become fewer.

What counts, in code that is shipped (no tests, samples, examples or loom models), because it holds in a release build:

- `assert!`, `assert_eq!`, `assert_ne!`, `unreachable!` and `panic!`; a `const` assertion is one of them;
- `.expect("...")`: the text is the invariant;
- a call of a function whose name begins with `assert_`: it asserts the invariants of a value, and is one assertion
  wherever it is called;
- a check of what was read or asked to be applied: an error of one of the types in CHECKS is built where an invariant does
  not hold. It refuses the record, the row or the file (a journal's, a projection's, a catalogue's), with its place, in
  every build.

`debug_assert!` does not count: release builds leave it out. Overflow checks do not count either.

What is a function: every `fn` with a body. Left out are those where there is nothing to assert, by form alone:

- *plain*: the body is one expression on one line, without a branch and without `?`, with a semicolon after it or not:
  getters, constructors, forwarders;
- *table*: the body is one `match` or one struct or chain whose parts have no statement: numbers, names, texts of a kind
  (the semicolon of `[0; 3]` makes no statement);
- *text*: `fmt` of `Display` and `Debug`: it writes for people, and nothing rests on what it wrote.

How many are left out is printed, and the number a function with them counted as well; `--list` prints each function with its number, the barest first.
"""
import pathlib
import re
import sys

# What is aimed at, and what no change may fall below: to be raised whenever assertions are added.
AIM = 2.0
BARS = {"wallet": 2.0, "journal": 2.0}
# Errors that say that an invariant does not hold; each is a check in release builds.
CHECKS = {
    "wallet": ("LedgerError", "Invariant", "LoadError", "CatalogError"),
    # What `fsck` and the auditor find is a check as well. Three functions make them at their place: `bad` the DecodeError of
    # a block, `differs` and `apart` the Finding of a comparison.
    "journal": (
        "GroupDamage", "DecodeError", "BadField::new", "BadField", "RecoveryError::Refused", "ApplyError", "RecordTooLong",
        "ReadError::Foreign", "ReadError::Trimmed", "ReadError::damaged", "AppendError::Stale", "OpenError::Ahead",
        "OpenError::Behind", "OpenError::Apart", "MadeError::Unnamed", "TornError::Followed", "TornError::Older",
        "CutError::OutOfRange", "CutError::Flushed", "DirectoryError::Missing", "DirectoryError::InUse",
        "Violation::of_account", "Violation::of_hold", "Violation", "Finding", "bad", "differs", "apart",
    ),
}
# How the files of plans and rates are refused: each call builds one such error, with file, line and key.
REFUSAL = {"wallet": re.compile(r"\.(?:error|expected)\((?=[^)])|(?<!fn )\berror_in\(")}
# What only puts those errors together checks nothing.
BUILDERS = {"error", "expected", "error_in"}
ASSERTION = re.compile(r"\b(?:assert|assert_eq|assert_ne|unreachable|panic)!|\.expect\(|(?<!fn )\bassert_\w+\(")
FUNCTION = re.compile(r"\bfn\s+(\w+)")
TEST_FILES = {"tests.rs", "word_loom.rs", "hold_claim_loom.rs", "samples.rs"}
TEST_FOLDERS = {"tests", "examples", "golden"}


def blanked(text):
    """The text with comments, strings and characters blanked out, of the same length."""
    out, at, end = list(text), 0, len(text)

    def blank(start, stop):
        for place in range(start, min(stop, end)):
            if out[place] != "\n":
                out[place] = " "

    while at < end:
        if text.startswith("//", at):
            stop = text.find("\n", at)
            stop = end if stop < 0 else stop
            blank(at, stop)
        elif text.startswith("/*", at):
            stop = text.index("*/", at) + 2
            blank(at, stop)
        elif raw := re.match(r'b?r(#*)"', text[at:at + 8]):
            if at and (text[at - 1].isalnum() or text[at - 1] == "_"):
                at += 1
                continue
            stop = text.index('"' + raw.group(1), at + raw.end()) + 1 + len(raw.group(1))
            blank(at + raw.end(), stop - 1 - len(raw.group(1)))
        elif text[at] == '"':
            stop = at + 1
            while text[stop] != '"':
                stop += 2 if text[stop] == "\\" else 1
            stop += 1
            blank(at + 1, stop - 1)
        elif char := re.match(r"'(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\])'", text[at:at + 12]):
            stop = at + char.end()
            blank(at + 1, stop - 1)
        else:
            stop = at + 1
        at = stop
    return "".join(out)


def closing(text, opening):
    """The place of the brace that closes the one at `opening`."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError("a brace that is not closed")


def without_tests(text):
    """Blanks out what stands under `#[cfg(test)]` or is a test."""
    for attribute in re.finditer(r"#\[(?:cfg\((?:test|all\(test.*?\)|loom)\)|test)\]", text):
        rest = re.compile(r"[{;]").search(text, attribute.end())
        if rest is None:
            continue
        stop = closing(text, rest.start()) if rest.group() == "{" else rest.start()
        part = re.sub(r"[^\n]", " ", text[attribute.start():stop + 1])
        text = text[:attribute.start()] + part + text[stop + 1:]
    return text


def kind_of(name, signature, body):
    """`plain`, `table`, `text`, or nothing: whether a body has something to assert."""
    if name == "fmt" and "Formatter" in signature:
        return "text"
    inner = re.sub(r"\[([^;\[\]]*);([^;\[\]]*)\]", r"[\1,\2]", body.strip())
    if "\n" not in inner and inner.endswith(";"):
        inner = inner[:-1]
    branches = re.search(r"\b(?:if|match|for|while|loop)\b|\?|;|\breturn\b", inner)
    if "\n" not in inner and not branches:
        return "plain"
    # One match, struct or chain, without a statement, a loop, a condition or a way out.
    if not re.search(r";|\b(?:for|while|loop|if|return)\b|\?", inner):
        return "table"
    return ""


def functions_of(text):
    """Yields (name, line, place of the signature, place of the body and of its end) of every function with a body, inner ones too."""
    for found in FUNCTION.finditer(text):
        start = found.end()
        depth = 0
        while True:
            at = re.compile(r"[(){};\[\]<>]").search(text, start)
            sign = at.group()
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
            start = at.end()
            if depth == 0 and sign in "{;":
                break
        if sign == "{":
            stop = closing(text, at.start())
            yield found.group(1), text.count("\n", 0, found.start()) + 1, found.start(), at.start() + 1, stop


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    below = False
    listed = []
    for crate, bar in BARS.items():
        counts = {"asserted": 0, "checked": 0, "plain": 0, "table": 0, "text": 0, "functions": 0}
        check = re.compile(r"\b(?:%s)(?:::[A-Z]\w*)?(?=\W)" % "|".join(CHECKS[crate]))
        folder = root / "src" / crate
        seen = []
        for path in sorted(folder.rglob("*.rs")):
            if path.name in TEST_FILES or TEST_FOLDERS & set(path.relative_to(folder).parts):
                continue
            text = without_tests(blanked(path.read_text(encoding="utf-8")))
            functions = list(functions_of(text))
            checks = [found.start() for found in check.finditer(text) if is_built(text, found)]
            if crate in REFUSAL:
                builders = [(start, stop) for name, _, _, start, stop in functions if name in BUILDERS]
                checks += [found.start() for found in REFUSAL[crate].finditer(text)]
                checks = [place for place in checks if not any(start <= place < stop for start, stop in builders)]
            asserts = [found.start() for found in ASSERTION.finditer(text)]
            counts["asserted"] += len(asserts)
            inside = [place for place in checks if any(start <= place < stop for *_, start, stop in functions)]
            counts["checked"] += len(inside)
            seen += [f"{path.relative_to(root)}:{text.count(chr(10), 0, place) + 1}" for place in inside]
            for name, line, head, start, stop in functions:
                number = sum(start <= place < stop for place in asserts + inside)
                kind = kind_of(name, text[head:start], text[start:stop]) if number == 0 else ""
                counts[kind or "functions"] += 1
                if not kind:
                    listed.append((number, crate, f"{path.relative_to(root)}:{line}", name, text.count("\n", start, stop)))
        number = counts["asserted"] + counts["checked"]
        ratio = number / counts["functions"]
        below |= ratio < bar
        if "--checks" in sys.argv:
            print("\n".join(seen))
        print(
            f"{crate}: {ratio:.2f} assertions a function: {number} ({counts['asserted']} assertions, {counts['checked']} "
            f"checks of what was read) in {counts['functions']} functions; left out: {counts['plain']} plain, "
            f"{counts['table']} tables, {counts['text']} texts; at least {bar}, aimed at {AIM}; with those that are left out "
            f"{number / (counts['functions'] + counts['plain'] + counts['table'] + counts['text']):.2f}"
        )
    if "--list" in sys.argv:
        for number, crate, place, name, lines in sorted(listed, key=lambda entry: (entry[1], entry[0], entry[2])):
            print(f"{number:3} {place} {name} ({lines} lines)")
    if below:
        print("fewer assertions a function than there were: see BARS", file=sys.stderr)
    return 1 if below else 0


def is_built(text, found):
    """Whether an error is made here, not named in a type, in a pattern of a match or in its own definition."""
    line_start = text.rfind("\n", 0, found.start()) + 1
    before = text[line_start:found.start()]
    if re.search(r"(?:\b(?:enum|struct|impl|for|dyn|use)|->)\s+$|matches!\(|\bif let\b|\blet\b[^=]*$", before):
        return False
    end = found.end()
    opening = end + len(text[end:]) - len(text[end:].lstrip())
    if "::" not in found.group() and text[opening] not in "({":
        return False
    if text[opening] in "({":
        close = {"(": ")", "{": "}"}[text[opening]]
        depth = 0
        for end in range(opening, len(text)):
            depth += {text[opening]: 1, close: -1}.get(text[end], 0)
            if depth == 0:
                break
        end += 1
        if re.fullmatch(r"[({]\s*(?:\.\.|_)\s*[)}]", text[opening:end]):
            return False
    return not re.match(r"[\s)]*(?:=>|\||if\b|=[^=])", text[end:end + 80])


if __name__ == "__main__":
    sys.exit(main())
