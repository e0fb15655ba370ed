#!/usr/bin/env python3
"""Small messages: what one core of an access point does with them, beside what the private-key operations alone would allow.

A real access point process, pinned to one core, with everything an operator has: mutual TLS, database, encrypted store, duplicate
memory, revocation lists, logs. Messages are made beforehand and come from a load program on the other core. See bench/README.md.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from support import ROOT, SERVER_CORE, Bench, pinned, processor, rsa_microseconds, timed, working_folder  # noqa: E402

GOALS = {2048: 0.55, 3072: 0.85}
MOST_BEYOND = 1.5
PHASE4_FACTOR = 4
MOST_MESSAGES = 9000  # nobody fetches them, and a participant's quota is 10,000 that wait


def receive(bench, folder, bits, seconds, limit, connections):
    """Kept-alive connections: share of the limit and processor time beyond the two private operations."""
    count = min(int(seconds * 1e6 / limit) + 200, MOST_MESSAGES)
    corpus = folder / f"in{bits}"
    bench.make_incoming(corpus, "--count", count)
    result = timed(bench, bench.load(corpus, "--warm", 200, "--connections", connections))
    corpus.unlink()
    return result


def receive_fresh(bench, folder, bits, count=200):
    corpus = folder / f"fresh{bits}"
    bench.make_incoming(corpus, "--count", count)
    result = timed(bench, bench.load(corpus, "--fresh", "--connections", 8))
    corpus.unlink()
    return result


def count_syncs(bench, folder, bits, outgoing, count=200):
    """In a run of its own, because tracing slows everything down: calls that wait for the disk."""
    corpus = folder / f"sync{bits}"
    peer = None
    if outgoing:
        bench.make_outgoing(corpus, "--count", count)
        peer = bench.null_peer()
        peer.wait_for("ready")
    else:
        bench.make_incoming(corpus, "--count", count)
    report = folder / "strace.txt"
    tracer = subprocess.Popen(["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", report, "-p", str(bench.pid)], stderr=subprocess.DEVNULL)
    time.sleep(1)
    timed(bench, bench.outbox(corpus, "--connections", 4) if outgoing else bench.load(corpus, "--connections", 16))
    tracer.terminate()
    tracer.wait()
    if peer:
        peer.go()
        peer.process.wait()
    corpus.unlink()
    calls = 0
    for line in report.read_text().splitlines():
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(?:fsync|fdatasync)$", line)
        calls += int(match.group(1)) if match else 0
    return calls / count


def send(bench, folder, bits, count):
    """Envelopes come over interface C; the peer on the other core checks nothing and answers with real receipts."""
    corpus = folder / f"out{bits}"
    bench.make_outgoing(corpus, "--count", count + 50)
    peer = bench.null_peer()
    peer.wait_for("ready")
    result = timed(bench, bench.outbox(corpus, "--warm", 50, "--connections", 4))
    peer.go()
    peer.process.wait()
    corpus.unlink()
    return result


def post(port, path):
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=b"{}", method="POST"), timeout=30) as answer:
        return json.load(answer)


def phase4(bench, folder, bits, warm, count):
    """The same kind of messages to phase4 on the same core, with the same keys; it stores nothing. None without Java."""
    if shutil.which("java") is None:
        return None
    corpus = folder / f"phase4-{bits}"
    bench.make_incoming(corpus, "--count", warm + count)
    trust = bench.facts["trust"]
    issuers = bench.folder / "trust" / "crl-issuers.pem"
    peer = subprocess.Popen(pinned(SERVER_CORE, sys.executable, ROOT / "tests" / "interop" / "bench_receiver.py", "--as4-key", bench.own["key"], "--as4-cert", bench.own["cert"],
                                   "--as4-trust", issuers, "--tls-key", bench.own["tlsKey"], "--tls-cert", bench.own["tlsCert"], "--tls-trust", trust["tls"]),
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # it warns about every message
    try:
        line = next((line for line in peer.stdout if line.startswith("{")), None)
        if line is None:
            return None
        ports = json.loads(line)
        load = bench.load(corpus, "--warm", warm, "--connections", 16, port=ports["port"])
        load.wait_for("ready")
        before = post(ports["control"], "/figures")
        load.go()
        load.wait_for("done")
        after = post(ports["control"], "/figures")
        load.go()
        result = load.result()
        if result["bad"]:
            raise SystemExit(f"phase4: {result['bad']} messages have no valid receipt")
        result["cpu_seconds"] = after["cpuSeconds"] - before["cpuSeconds"]
        return result
    finally:
        peer.terminate()
        peer.wait()
        corpus.unlink()


class Table:
    def __init__(self):
        self.rows = []
        self.failed = 0

    def add(self, what, value, goal=None, holds=None):
        self.rows.append((what, value, goal or "", "" if holds is None else "holds" if holds else "MISSED"))
        self.failed += holds is False

    def print(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(4)]
        for row in self.rows:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def measure(bits, args, table):
    with working_folder() as name, Bench(name, bits) as bench:
        folder = pathlib.Path(name)
        reference = rsa_microseconds(2048)
        before = rsa_microseconds(bits)
        got = receive(bench, folder, bits, args.seconds, 2 * before, args.connections)
        after = rsa_microseconds(bits)
        operation = (before + after) / 2
        limit = 2 * operation
        per_message = got["seconds"] * 1e6 / got["messages"]
        cpu = got["cpu_seconds"] * 1e6 / got["messages"]
        share, beyond = limit / per_message, (cpu - limit) / reference
        kind = f"RSA-{bits}"
        table.add(f"{kind} private operation", f"{before:.0f} us before, {after:.0f} us after")
        table.add(f"{kind} receive, {got['messages']} messages, {args.connections} connections", f"{per_message:.0f} us each, {1e6 / per_message:.0f}/s, median answer {got['median_us'] / 1000:.1f} ms, p99 {got['p99_us'] / 1000:.1f} ms")
        table.add(f"{kind} receive, share of the limit {limit:.0f} us", f"{share:.2f}", f">= {GOALS[bits]}", share >= GOALS[bits])
        table.add(f"{kind} receive, processor", f"{cpu:.0f} us each, {cpu - limit:.0f} us beyond = {beyond:.2f} RSA-2048 operations", f"<= {MOST_BEYOND}", beyond <= MOST_BEYOND)
        if bits == 2048:
            theirs = phase4(bench, folder, bits, args.warm_phase4, 2000) if args.warm_phase4 else None
            if theirs is None:
                table.add("phase4 receive", "not measured: no Java, or --warm-phase4 0")
            else:
                other = theirs["cpu_seconds"] * 1e6 / theirs["messages"]
                table.add(f"phase4 receive, RSA-2048, warmed with {args.warm_phase4} messages", f"{other:.0f} us of processor each; ours are {other / cpu:.1f} times as many a second", f">= {PHASE4_FACTOR}", other / cpu >= PHASE4_FACTOR)
        fresh = receive_fresh(bench, folder, bits)
        table.add(f"{kind} receive, a fresh connection each", f"{fresh['seconds'] * 1e6 / fresh['messages']:.0f} us each, processor {fresh['cpu_seconds'] * 1e6 / fresh['messages']:.0f} us")
        table.add(f"{kind} receive, fsync and fdatasync", f"{count_syncs(bench, folder, bits, False):.2f} each")
        out = send(bench, folder, bits, int(args.seconds * 1e6 / (operation + 1500)))
        last = rsa_microseconds(bits)
        operation = (after + last) / 2
        each, out_cpu = out["seconds"] * 1e6 / out["messages"], out["cpu_seconds"] * 1e6 / out["messages"]
        out_beyond = (out_cpu - operation) / reference
        table.add(f"{kind} send, {out['messages']} messages, interface C included", f"{each:.0f} us each, {1e6 / each:.0f}/s, share of the limit {operation:.0f} us {operation / each:.2f}")
        table.add(f"{kind} private operation", f"{last:.0f} us after sending")
        table.add(f"{kind} send, fsync and fdatasync", f"{count_syncs(bench, folder, bits, True):.2f} each")
        table.add(f"{kind} send, processor", f"{out_cpu:.0f} us each, {out_cpu - operation:.0f} us beyond = {out_beyond:.2f} RSA-2048 operations", f"<= {MOST_BEYOND}", out_beyond <= MOST_BEYOND)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8, help="of measuring, each")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--bits", type=int, action="append", choices=sorted(GOALS))
    parser.add_argument("--warm-phase4", type=int, default=5000, help="messages before phase4 is measured; 0: leave it out")
    parser.add_argument("--report-only", action="store_true", help="missed goals do not fail the command")
    args = parser.parse_args()
    table = Table()
    print(f"Processor: {processor()}; access point on core 0, load on core 1; ratios are against this machine in this run.")
    for bits in args.bits or sorted(GOALS):
        measure(bits, args, table)
    table.print()
    sys.exit(1 if table.failed and not args.report_only else 0)


if __name__ == "__main__":
    main()
