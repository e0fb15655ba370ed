#!/usr/bin/env python3
"""Line coverage of each library from the profiles that an instrumented test run left behind; prints a table, a report in FOLDER/coverage.txt.

A library's own test program and those of the libraries above it count alike: what is asked is whether a line was run by any test.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "coverage")
    raw = sorted((folder / "profiles").glob("*.profraw"))
    if not raw:
        sys.exit(f"no profiles in {folder / 'profiles'}: './run coverage' makes them")
    merged = folder / "merged.profdata"
    listed = folder / "profiles.txt"
    listed.write_text("\n".join(map(str, raw)))
    subprocess.run(["llvm-profdata-19", "merge", "--sparse", "--failure-mode=all", f"--input-files={listed}", "-o", str(merged)], check=True)
    programs = sorted(path for path in folder.glob("test_*") if path.is_file() and path.stat().st_mode & 0o100)
    objects = [part for program in programs[1:] for part in ("-object", str(program))]
    done = subprocess.run(["llvm-cov-19", "export", "--summary-only", f"--instr-profile={merged}", str(programs[0]), *objects], check=True, capture_output=True)
    lines = {}
    for file in json.loads(done.stdout)["data"][0]["files"]:
        path = pathlib.Path(file["filename"])
        if ROOT / "src" not in path.parents or path.name.endswith("_test.cpp") or "test_" in path.name:
            continue
        counted = lines.setdefault(path.relative_to(ROOT / "src").parts[0], [0, 0])
        counted[0] += file["summary"]["lines"]["covered"]
        counted[1] += file["summary"]["lines"]["count"]
    table = ["| Library | Lines | Run by tests | |", "|---|---|---|---|"]
    for name, (covered, count) in sorted(lines.items()):
        table.append(f"| `{name}` | {count} | {covered} | {100 * covered / count:.1f} % |")
    covered, count = (sum(pair[i] for pair in lines.values()) for i in (0, 1))
    table.append(f"| all | {count} | {covered} | {100 * covered / count:.1f} % |")
    (folder / "coverage.txt").write_text("\n".join(table) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
