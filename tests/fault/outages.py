#!/usr/bin/env python3
"""Outages of everything an access point leans on: its disk, its clock, its descriptors, the name server, the SMP, revocation lists, the peer, the
connection. Each case: traffic goes on, the operator can read what is wrong, and when the outage ends everything heals without hands: nothing lost,
nothing doubled, both sides agree.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cases_disk  # noqa: E402
import cases_peers  # noqa: E402
import cases_platform  # noqa: E402
import cuts  # noqa: E402
from traffic import Traffic  # noqa: E402
from world import SHIM, Foreign, Violation, World  # noqa: E402

SMALL = 24 << 20  # octets of a small volume


class Volumes:
    """Small volumes (tmpfs) for the data of some components; needs the right to mount."""

    def __init__(self, world, names):
        self.mounted = []
        for name in names:
            folder = world.folder / name / "data"
            folder.mkdir(mode=0o700, exist_ok=True)
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=700,uid={os.getuid()}", "budkavle-fault", str(folder)], capture_output=True)
            if done.returncode != 0:
                print(f"no right to mount a small volume ({done.stderr.decode().strip()}): the full disk is played by the preloaded library alone", flush=True)
                return
            self.mounted.append(folder)

    def release(self):
        for folder in self.mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def configured(folder, environment):
    world = World(folder, environment)
    # Short pauses between attempts, so that an outage is met at many moments; long enough in all for every outage here.
    for name in ("ap1", "ap2"):
        world.configure(name, r"^send_attempts = .*\n.*\n.*\n.*$", "send_attempts = 1000\nsend_duration = 400\nlookup_attempts = 1000\nlookup_duration = 400\nretry_after_limit = 1")
        world.configure(name, r"^key_file = (.*)$(\nmetadata_cache = 0\nanswer_timeout = 10)?", r"key_file = \1\nmetadata_cache = 0\nanswer_timeout = 10\nleast_free_disk = 0")
    return world


CASES = [*cases_disk.CASES, *cases_peers.CASES, *cases_platform.CASES]


def run_cases(world, foreign, proxies, traffic, volumes, chosen, dense):
    for case in chosen:
        started = time.monotonic()
        name = case.__name__
        before = len(traffic.all)
        told = case(world, traffic, proxies, volumes, dense)
        traffic.settle(name)
        print(f"ok     {name}: {len(traffic.all) - before} messages, {time.monotonic() - started:.1f} s{'; ' + told if told else ''}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="every kind once; without it every moment and both ways")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    parser.add_argument("--data", help="use (and keep) this folder; it may hold a prepared federation")
    parser.add_argument("--plant", default="", help="for a build with planted bugs: the one to switch on")
    parser.add_argument("cases", nargs="*", help="names of cases; 'cut' for the cut connections; all when none is named")
    options = parser.parse_args()
    if not SHIM.exists():
        sys.exit(f"{SHIM} is missing; build it with './run fault'")
    known = {case.__name__: case for case in CASES}
    if unknown := set(options.cases) - set(known) - {"cut"}:
        sys.exit(f"unknown cases: {', '.join(sorted(unknown))}; there are: cut, {', '.join(known)}")
    folder = pathlib.Path(options.data or tempfile.mkdtemp(prefix="budkavle-outage-"))
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, **({"BUDKAVLE_PLANT": options.plant} if options.plant else {})}
    world = configured(folder / "data", environment)
    (folder / "foreign").mkdir(exist_ok=True)
    chosen = [known[name] for name in options.cases if name != "cut"] if options.cases else CASES
    volumes = Volumes(world, ["ap2", "mt-region"] if any(case in cases_disk.CASES for case in chosen) else [])
    proxies = {name: world.stand_between(name) for name in ("ap2", "smp")}
    status = 1
    try:
        world.start_all()
        foreign = Foreign(world, folder / "foreign")
        traffic = Traffic(world, foreign)
        if not options.cases or "cut" in options.cases:
            cuts.run(world, foreign, proxies["ap2"], dense=not options.short)
        run_cases(world, foreign, proxies, traffic, volumes, chosen, dense=not options.short)
        status = 0
    except Violation as violation:
        print(f"VIOLATION: {violation}", flush=True)
    finally:
        world.stop_all()
        for proxy in proxies.values():
            proxy.close()
        volumes.release()
        if status == 0 and not options.keep and not options.data:
            shutil.rmtree(folder)
        else:
            print(f"data kept in {folder}")
    return status


if __name__ == "__main__":
    sys.exit(main())
