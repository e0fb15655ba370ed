"""What the system tests share: the program, the vectors, a tally that cannot pass by doing nothing."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUDKAVLE = os.environ.get("BUDKAVLE", str(ROOT / "build" / "budkavle"))
VECTORS = pathlib.Path(os.environ.get("BUDKAVLE_SHARED", ROOT / "tests" / "vectors"))


def run(*arguments, check=None, timeout=120):
    """Runs the program; with check=(codes) the exit code must be one of them."""
    done = subprocess.run([BUDKAVLE, *map(str, arguments)], capture_output=True, timeout=timeout)
    if check is not None and done.returncode not in check:
        raise AssertionError(f"{' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout.decode(errors='replace')}\n{done.stderr.decode(errors='replace')}")
    return done


def run_json(*arguments, check=(0, 1), timeout=120):
    done = run(*arguments, "--json", check=check, timeout=timeout)
    return done.returncode, json.loads(done.stdout)


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, condition, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {detail}")
        return condition

    def finish(self, at_least):
        print(f"{self.passed} passed, {self.failed} failed")
        if self.passed + self.failed < at_least:
            print(f"only {self.passed + self.failed} checks ran, {at_least} were expected")
            sys.exit(1)
        sys.exit(1 if self.failed else 0)
