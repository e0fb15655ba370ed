#!/usr/bin/env python3
"""Proves that the fault suite can fail: each planted bug must be found, and the same build without one must be clean."""
import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Each fault with the suite that must find it; "" is the same build without one.
ROUNDS = ["fault.py", "--settle", "60"]
TWO_PROCESSES = ["fault.py", "--postgres", "--settle", "90"]  # within one process a lane of the send queue has one claim anyhow
PLANTS = {
    "receipt_before_commit": ROUNDS,
    "missing_fsync": ROUNDS,
    "duplicate_check_not_atomic": ROUNDS,
    "decrypt_before_verify": ROUNDS,
    "commit_after_success": ROUNDS,
    "duplicate_memory_lost": ["outages.py", "--short", "cut_and_restart"],
    "lease_ignored": TWO_PROCESSES,
    "small_blob_after_commit": ROUNDS,
    "unknown_commit_called_failed": ["outages.py", "sync_fails_then_power_cut"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="rounds within which a planted bug must be found")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("plants", nargs="*", default=list(PLANTS))
    options = parser.parse_args()
    environment = {**os.environ, "BUDKAVLE": os.environ.get("BUDKAVLE", str(ROOT / "build" / "planted" / "apps" / "budkavle" / "budkavle"))}
    passed = failed = 0
    suites = [("", suite) for suite in (ROUNDS, *{tuple(PLANTS[plant]) for plant in options.plants if PLANTS[plant] is not ROUNDS})]
    for plant, suite in [*suites, *((plant, PLANTS[plant]) for plant in options.plants)]:
        command = [sys.executable, str(ROOT / "tests" / "fault" / suite[0]), *suite[1:], "--plant", plant]
        if suite[0] == "fault.py":
            command += ["--rounds", str(options.rounds if plant else 3), "--seed", str(options.seed)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        found = [line for line in done.stdout.splitlines() if line.startswith("VIOLATION")]
        good = bool(found) if plant else done.returncode == 0
        print(f"{'ok    ' if good else 'FAILED'} {plant or 'nothing planted, ' + ' '.join(suite)}: {found[0] if found else 'clean'}", flush=True)
        if not good:
            print(done.stdout[-2000:], done.stderr[-2000:])
        passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
