#!/usr/bin/env python3
"""The systemd units: understood by systemd, and at least as confined as the threshold says (SEC-46, SEC-53)."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNITS = ROOT / "packaging" / "systemd"
PROGRAM = pathlib.Path(os.environ.get("BUDKAVLE", ROOT / "build" / "release" / "apps" / "budkavle" / "budkavle"))
WORST = 2.0  # exposure of `systemd-analyze security`: 0 is fully confined, 10 not at all


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


def main():
    if not shutil.which("systemd-analyze"):
        sys.exit("systemd-analyze is missing: install the package systemd")
    faults = []
    with tempfile.TemporaryDirectory(prefix="budkavle-units-") as scratch:
        scratch = pathlib.Path(scratch)
        for unit in sorted(UNITS.glob("*.service")):
            text = unit.read_text()
            # What stands in ExecStart and ExecReload must be commands that the program has.
            for command in re.findall(r"^Exec(?:Start|Reload)=/usr/bin/budkavle (\w+)", text, re.M):
                shown = run(PROGRAM, command, "--help")
                if shown.returncode != 0 or "--config" not in shown.stdout:
                    faults.append(f"{unit.name}: the program has no command '{command}' with --config")
            for instance in ("ap", "mt", "smp", "ca"):
                name = unit.name.replace("@.", f"@{instance}.")
                copy = scratch / name
                copy.write_text(text.replace("/usr/bin/budkavle", str(PROGRAM)))
                verified = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy))
                if verified.returncode != 0 or name in verified.stderr:
                    faults.append(f"{name}: systemd-analyze verify says: {verified.stderr.strip()}")
                judged = run("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={int(WORST * 10)}", str(copy))
                found = re.search(r"Overall exposure level for \S+: ([\d.]+)", judged.stdout)
                level = float(found.group(1)) if found else 10.0
                print(f"{name}: exposure {level} (at most {WORST})")
                if judged.returncode != 0 or level > WORST:
                    faults.append(f"{name}: exposure {level} is above {WORST}: {judged.stderr.strip()}")
    users = (ROOT / "packaging" / "sysusers.d" / "budkavle.conf").read_text()
    for instance in ("ap", "mt", "smp", "ca"):
        if f"u budkavle-{instance} " not in users:
            faults.append(f"sysusers.d/budkavle.conf: no user budkavle-{instance}")
    print("\n".join(faults) or "the units are understood and confined")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
