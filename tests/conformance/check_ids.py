#!/usr/bin/env python3
"""Every conformance id has a test of its name, or a quoted reason why not; the list itself is held against the specification where it is at hand.

ids.tsv is the list. BUDKAVLE_SPEC names the folder of the specification.
"""
import csv
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent


def expand(text):
    """"TA01, TA14", "TA23–TA25", "4CT_TA01–03" as single ids."""
    found = []
    for prefix, first, last in re.findall(r"(?<![\w])((?:4CT_)?TA)(\d\d)(?:\s*[–-]\s*(?:TA)?(\d\d))?", text):
        found += [f"{prefix}{n:02}" for n in range(int(first), int(last or first) + 1)]
    return found


def of_specification(folder):
    wire = (folder / "as4-wire.md").read_text(encoding="utf-8")
    table = wire[wire.index("### 2.1"):wire.index("### 2.2")]
    ids = {one for line in table.splitlines() if line.startswith("| TA") or line.startswith("| 4CT") for one in expand(line.split("|")[1])}
    cases = (folder / "test-cases.md").read_text(encoding="utf-8")
    section = cases[cases.index("## 2."):cases.index("## 3.")]
    return ids | set(re.findall(r"^\| (TF-\d\d) ", section, re.M))


def main():
    with open(HERE / "ids.tsv", encoding="utf-8") as file:
        rows = {row["id"]: row["not tested because"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    tests = set()
    for file in HERE.glob("*.py"):
        for line in re.findall(r"^@case\((.*)\)$", file.read_text(encoding="utf-8"), re.M):
            tests |= set(re.findall(r'"([^"]+)"', line))
    problems = [f"{one} has no test of its name and no reason why not" for one, reason in rows.items() if one not in tests and '"' not in reason]
    problems += [f"{one} has a test and a reason for having none" for one, reason in rows.items() if one in tests and reason]
    problems += [f"{one} is tested but not in ids.tsv" for one in tests - set(rows)]
    folder = os.environ.get("BUDKAVLE_SPEC")
    if folder:
        specified = of_specification(pathlib.Path(folder))
        if len(specified) < 45:
            problems.append(f"only {len(specified)} ids were found in the specification")
        problems += [f"{one} stands in the specification but not in ids.tsv" for one in sorted(specified - set(rows))]
    print("\n".join(problems) or f"{len(tests)} conformance ids have a test, {sum(bool(reason) for reason in rows.values())} a reason why not{', as the specification lists them' if folder else ''}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
