#!/usr/bin/env python3
"""Every CEF assertion for an SMP (TA01 … TA26, TAB1 … TAB7) has a test of its name in src/smpserver/cef_test.cpp, or a quoted reason why not in smp_ids.tsv.

BUDKAVLE_SPEC names the folder of the specification: a quoted reason is then looked for there.
"""
import csv
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parents[1] / "src" / "smpserver" / "cef_test.cpp"
WANTED = {f"TA{n:02}" for n in range(1, 27)} - {"TA09"} | {"TA09a", "TA09b"} | {f"TAB{n}" for n in range(1, 8)}


def main():
    with open(HERE / "smp_ids.tsv", encoding="utf-8") as file:
        rows = {row["id"]: row["not tested because"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    tests = re.findall(r"^TEST_F\(CefTest, (TA\w+?)_", TESTS.read_text(encoding="utf-8"), re.M)
    problems = [f"{one} is not in smp_ids.tsv" for one in sorted(WANTED - set(rows))]
    problems += [f"{one} is no assertion of the list" for one in sorted(set(rows) - WANTED)]
    problems += [f"{one} has no test of its name and no reason why not" for one, reason in rows.items() if one not in tests and '"' not in reason]
    problems += [f"{one} has a test and a reason for having none" for one, reason in rows.items() if one in tests and reason]
    problems += [f"{one} has {tests.count(one)} tests" for one in sorted(set(tests)) if tests.count(one) != 1]
    problems += [f"{one} is tested but not in smp_ids.tsv" for one in sorted(set(tests) - set(rows))]
    folder = os.environ.get("BUDKAVLE_SPEC")
    if folder:
        text = "\n".join(file.read_text(encoding="utf-8") for file in pathlib.Path(folder).glob("*.md"))
        for one, reason in rows.items():
            problems += [f"{one} quotes what the specification does not say: {quote}" for quote in re.findall(r'"([^"]+)"', reason) if quote not in text]
    print("\n".join(problems) or f"{len(tests)} assertions have a test, {sum(bool(reason) for reason in rows.values())} a reason why not")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
