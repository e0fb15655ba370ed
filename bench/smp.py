#!/usr/bin/env python3
"""The public service of an SMP with many participants, against nginx with the same octets in memory; changes until they are seen, by nodes and in DNS; a bulk change against the rate of its signing key."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from support import BUDKAVLE, LOAD_CORE, REGION, SERVER_CORE, TOOL, Bench, cpu_seconds, memory_kib, pinned, processor, rsa_microseconds

GOAL_SHARE, GOAL_P99_MS, GOAL_VISIBLE_S, GOAL_DNS_S, GOAL_BULK = 0.5, 5, 1, 60, 0.8
BITS = 3072

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type "text/xml; charset=UTF-8"; keepalive_requests 100000000; tcp_nodelay on;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  open_file_cache max=100000 inactive=1h; open_file_cache_valid 1h;
  server {{
    listen 127.0.0.1:{port} ssl; server_name smp.lab.example.se; root {files};
    ssl_certificate {data}/tls.pem; ssl_certificate_key {data}/tls.key; ssl_protocols TLSv1.2 TLSv1.3;
    add_header Cache-Control "max-age=60";
  }}
}}
"""


def tool(*arguments, core=None):
    command = [TOOL, "smp", *map(str, arguments)]
    done = subprocess.run(pinned(core, *command) if core is not None else command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


class Node:
    """One node of the public service on a core of its own."""

    def __init__(self, data, core):
        self.process = subprocess.Popen(pinned(core, TOOL, "smp", "serve", "--data", data), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def free_port():
    import socket
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start_nginx(data, files, folder):
    port = free_port()
    config = pathlib.Path(folder) / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, files=files, data=data))
    process = subprocess.Popen(pinned(SERVER_CORE, "nginx", "-c", config, "-p", folder, "-e", f"{folder}/error.log"))
    time.sleep(1)
    return process, port


def measure(data, pid, port, paths, seconds, connections=16):
    """Answers a second of processor time: what one core could give, whatever the load generator holds back."""
    tool("load", "--data", data, "--port", port, "--list", paths, "--seconds", 2, "--connections", connections, core=LOAD_CORE)
    before = cpu_seconds(pid)
    result = tool("load", "--data", data, "--port", port, "--list", paths, "--seconds", seconds, "--connections", connections, core=LOAD_CORE)
    result["per_core"] = result["answers"] / (cpu_seconds(pid) - before)
    if result["bad"]:
        raise SystemExit(f"{result['bad']} bad answers: nothing was measured")
    return result


def worst_in_dns(rounds=6):
    """A participant is suspended and set free over the administration API of a whole federation, until the authoritative name server says so:
    register, queue, SML over SOAP, signed update, Knot. Seconds from the call on."""
    folder = tempfile.TemporaryDirectory(prefix="budkavle-bench-")  # of its own: nginx gives its folder to another user
    federation = Bench(folder.name, 2048)
    admin = federation.facts["admin"]
    person = next(one for one in admin["accounts"] if one["scope"] == "operator:ap2")
    worst = 0.0

    def administration(*words):
        return subprocess.run([BUDKAVLE, "admin", *words, "--url", admin["url"], "--trust", federation.facts["trust"]["tls"], "--client-cert", person["cert"],
                               "--client-key", person["key"]], capture_output=True, text=True)
    try:
        for name in ("dns", "sml", "ca", "smp"):
            federation.start(name, LOAD_CORE)
        federation.await_name(REGION)
        for _ in range(300):
            if administration("account", "show").returncode == 0:
                break
            time.sleep(0.1)
        for number in range(rounds):
            hide = number % 2 == 0
            started = time.monotonic()
            done = administration("smp", "suspend", "ap2", REGION, "--reason", "bench", "--suspended", "true" if hide else "false")
            if done.returncode != 0:
                raise SystemExit(f"the administration refused: {done.stderr}")
            federation.await_name(REGION, there=not hide, pause=0.02)
            worst = max(worst, time.monotonic() - started)
    finally:
        for name in reversed(list(federation.running)):
            federation.stop(name)
        folder.cleanup()
    return worst


def bulk_with_lookups(data, node, paths, back):
    """The signing key alone on both cores before and after; look-ups go on meanwhile and are all answered."""
    process = subprocess.Popen([TOOL, "smp", "bulk", "--data", data, *(["--back"] if back else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout.readline().strip() != "ready":
        raise SystemExit("the bulk change could not start")
    process.stdin.write("\n")
    process.stdin.flush()
    lookups = {"answers": 0, "p99": 0.0, "worst": 0.0}
    while process.poll() is None:
        some = tool("load", "--data", data, "--port", node.port, "--list", paths, "--seconds", 0.2, "--connections", 1)
        lookups = {"answers": lookups["answers"] + some["answers"], "p99": max(lookups["p99"], some["p99"]), "worst": max(lookups["worst"], some["worst"])}
        if some["bad"]:
            raise SystemExit("look-ups were disturbed: bad answers")
        time.sleep(2)
    if process.returncode != 0:
        raise SystemExit("the bulk change failed")
    return json.loads(process.stdout.readline()), lookups


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=50_000)
    parser.add_argument("--answers", type=int, default=20_000, help="of them asked for, and given to nginx")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--data", help="keeps the filled register in this folder, and uses it again")
    parser.add_argument("--fill-only", action="store_true")
    parser.add_argument("--no-bulk", action="store_true")
    parser.add_argument("--report-only", action="store_true")
    options = parser.parse_args()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="budkavle-bench-") as own, tempfile.TemporaryDirectory(prefix="budkavle-bench-", dir=memory) as shm:
        data = options.data or own + "/data"
        if not (pathlib.Path(data) / "filled").exists():
            filled = tool("fill", "--data", data, "--participants", options.participants, "--bits", BITS)
            (pathlib.Path(data) / "filled").write_text("1")
            print(f"published {filled['participants']} participants for the first time in {filled['seconds']} s", flush=True)
        if options.fill_only:
            return 0
        exported = tool("export", "--data", data, "--out", shm, "--count", options.answers)
        print(f"{processor()}; {exported['published']} answers published, {exported['answers']} asked for")
        rows = []

        nginx, nginx_port = start_nginx(data, shm + "/files", own)
        try:
            theirs = measure(data, nginx.pid, nginx_port, shm + "/files.txt", options.seconds)
        finally:
            nginx.terminate()
            nginx.wait()
        node, second = Node(data, SERVER_CORE), Node(data, LOAD_CORE)
        ours = measure(data, node.process.pid, node.port, shm + "/ours.txt", options.seconds)
        print(f"nginx: {theirs['per_core']:.0f} answers/s and core, p99 {theirs['p99']:.2f} ms; ours: {ours['per_core']:.0f}, p50 {ours['p50']:.2f}, p99 {ours['p99']:.2f} ms, memory {memory_kib(node.process.pid, 'VmRSS') // 1024} MiB", flush=True)
        rows.append(("answers per core against nginx", ours["per_core"] / theirs["per_core"], GOAL_SHARE, True))
        rows.append(("p99, ms", ours["p99"], GOAL_P99_MS, False))
        seen = tool("visible", "--data", data, "--ports", node.port, second.port)
        rows.append(("one change on all nodes, worst, s", seen["worst"], GOAL_VISIBLE_S, False))
        second.stop()
        rows.append(("one change in DNS, worst, s", worst_in_dns(), GOAL_DNS_S, False))
        if not options.no_bulk:
            limit = 2e6 / rsa_microseconds(BITS)
            back = (pathlib.Path(data) / "swapped").exists()
            done, lookups = bulk_with_lookups(data, node, shm + "/ours.txt", back)
            (pathlib.Path(data) / "swapped").unlink() if back else (pathlib.Path(data) / "swapped").write_text("1")
            rate = done["answers"] / done["seconds"]
            print(f"bulk: {done['answers']} answers in {done['seconds']:.1f} s = {rate:.0f}/s on 2 cores; the key alone {limit:.0f}/s; meanwhile {lookups['answers']} look-ups, p99 {lookups['p99']:.2f} ms, worst {lookups['worst']:.1f} ms")
            rows.append(("bulk change against the signing key", rate / limit, GOAL_BULK, True))
        node.stop()
    good = True
    for name, value, goal, least in rows:
        reached = value >= goal if least else value <= goal
        good = good and reached
        print(f"{'ok ' if reached else 'NOT'}  {name:<40} {value:8.3f}   goal {'>=' if least else '<='} {goal}")
    return 0 if good or options.report_only else 1


if __name__ == "__main__":
    sys.exit(main())
