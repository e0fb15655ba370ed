#!/usr/bin/env python3
"""Every rule id that the code claims to implement stands in code and in a test; ids that must be there are listed here."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIRED = (
    [f"R{n}-XHE" for n in range(1, 15)] + [f"R{n}-APP" for n in range(1, 10)] + [f"EQ-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 9)]
    + [f"XHE-{n:02}" for n in range(1, 12)] + [f"RCP-{n:02}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 10)]
    + ["AP-02", "AP-04", "AP-13", "AP-14", "AP-15", "AP-16", "AP-17", "AP-18", "AP-30", "AP-31", "FED-08", "FED-11", "FED-13", "FED-15", "MSG-02", "MSG-03"]
    + ["SEC-01", "SEC-03", "SEC-04", "SEC-12", "SEC-13", "SEC-15", "SEC-20", "SEC-31", "SEC-64"]
)


def stands_in(files, rule):
    pattern = re.compile(re.escape(rule) + r"(?![0-9])")
    return any(pattern.search(text) for text in files)


def main():
    code, tests = [], []
    for file in ROOT.rglob("*"):
        if file.suffix not in (".cpp", ".hpp", ".py") or "build" in file.relative_to(ROOT).parts or file == pathlib.Path(__file__).resolve():
            continue
        is_test = file.name.endswith("_test.cpp") or "tests" in file.relative_to(ROOT).parts
        (tests if is_test else code).append(file.read_text(errors="replace"))
    missing = [f"{rule} stands in no {where}" for rule in REQUIRED for where, files in (("code", code), ("test", tests)) if not stands_in(files, rule)]
    print("\n".join(missing) or f"{len(REQUIRED)} rules stand in code and in a test")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
