#!/usr/bin/env python3
"""Large messages: does memory stay flat, and how near does one core come to what its ciphers, digests and the disk allow?

1 x 2 GB and 20 x 100 MB, in and out, through a real access point process pinned to one core. See bench/README.md.
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from as4 import Table  # noqa: E402
from support import SERVER_CORE, TOOL, Bench, memory_kib, pinned, processor, reset_peak, timed, working_folder  # noqa: E402

MOST_MEMORY = 64.0
LEAST_SHARE = 0.6


def reference(folder, total):
    """Octets of payload a second through the chain that no receiver can leave out."""
    done = subprocess.run(pinned(SERVER_CORE, TOOL, "chain", "--folder", folder, "--bytes", total), capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    return result["bytes"] / result["seconds"]


def make_all(make, folder, size, count):
    files = [folder / f"large{n}" for n in range(count)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda file: make(file, "--large", "--bytes", size), files))
    return files


def run(bench, start, files):
    """Throughput, and the peak of the resident memory above what the process had before."""
    idle = memory_kib(bench.pid, "VmRSS")
    reset_peak(bench.pid)
    result = timed(bench, start(files))
    result["over_idle_mib"] = (memory_kib(bench.pid, "VmHWM") - idle) / 1024
    for file in files:
        file.unlink()
        file.with_name(file.name + ".facts").unlink()
    return result


def measure(bench, folder, size, count, connections, chain, table):
    name = f"{count} x {size / 1e6:.0f} MB"
    files = make_all(bench.make_incoming, folder, size, count)
    got = run(bench, lambda files: bench.load(files, "--stream", "--connections", connections), files)
    rate = size * count / got["seconds"]
    table.add(f"{name} in, memory over idle", f"{got['over_idle_mib']:.1f} MiB", f"<= {MOST_MEMORY:.0f}", got["over_idle_mib"] <= MOST_MEMORY)
    table.add(f"{name} in, throughput", f"{rate / 1e6:.0f} MB/s in {got['seconds']:.1f} s, processor {got['cpu_seconds']:.1f} s; {rate / chain:.2f} of the chain", f">= {LEAST_SHARE}", rate / chain >= LEAST_SHARE)

    files = make_all(bench.make_outgoing, folder, size, count)
    peer = bench.null_peer()
    peer.wait_for("ready")
    out = run(bench, lambda files: bench.outbox(files, "--stream", "--connections", connections), files)
    peer.go()
    peer.process.wait()
    rate = size * count / out["seconds"]
    table.add(f"{name} out, memory over idle", f"{out['over_idle_mib']:.1f} MiB", f"<= {MOST_MEMORY:.0f}", out["over_idle_mib"] <= MOST_MEMORY)
    table.add(f"{name} out, from interface C to the receipt", f"{rate / 1e6:.0f} MB/s in {out['seconds']:.1f} s, processor {out['cpu_seconds']:.1f} s; {rate / chain:.2f} of the chain", f">= {LEAST_SHARE}", rate / chain >= LEAST_SHARE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 x 300 MB and 4 x 100 MB; memory alone is judged")
    parser.add_argument("--report-only", action="store_true", help="missed goals do not fail the command")
    args = parser.parse_args()
    table = Table()
    with working_folder() as name:
        folder = pathlib.Path(name)
        chain = reference(folder, 1 << (28 if args.quick else 31))
        print(f"Processor: {processor()}; access point on core 0, load on core 1; reference chain {chain / 1e6:.0f} MB/s.")
        with Bench(folder, 3072) as bench:
            for size, count, connections in [(300_000_000, 1, 1), (100_000_000, 4, 4)] if args.quick else [(1_990_000_000, 1, 1), (100_000_000, 20, 4)]:
                measure(bench, folder, size, count, connections, chain, table)
    if args.quick:  # beside other work the rates say nothing
        table.rows = [(what, value, "", "") if "memory" not in what else (what, value, goal, holds) for what, value, goal, holds in table.rows]
        table.failed = sum(holds == "MISSED" for *_, holds in table.rows)
    table.print()
    sys.exit(1 if table.failed and not args.report_only else 0)


if __name__ == "__main__":
    main()
