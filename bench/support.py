"""What the benches share: a federation as the demo lays it out, processes pinned to cores, processor time of processes, limits of the machine."""
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUDKAVLE = os.environ.get("BUDKAVLE", str(ROOT / "build" / "release" / "apps" / "budkavle" / "budkavle"))
TOOL = os.environ.get("BENCH_TOOL", str(ROOT / "build" / "release" / "bench" / "bench_tool"))
SERVER_CORE, LOAD_CORE = 0, 1
NORRBY, REGION = "0203:norrby.example.se", "0203:region-ost.example.se"


def cpu_seconds(pid):
    """Processor time of all threads of a process, user and system, to the nanosecond."""
    return time.clock_gettime((~pid << 3) | 2)


def processor():
    with open("/proc/cpuinfo") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def memory_kib(pid, field):
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def reset_peak(pid):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def rsa_microseconds(bits, seconds=2):
    """One private operation on one core, by the library that ships."""
    done = subprocess.run(["taskset", "-c", str(SERVER_CORE), "openssl", "speed", "-seconds", str(seconds), f"rsa{bits}"], capture_output=True, text=True, check=True)
    match = re.search(rf"rsa\s+{bits} bits\s+\S+\s+\S+\s+([\d.]+)", done.stdout)
    return 1e6 / float(match.group(1))


def pinned(core, *command):
    return ["taskset", "-c", str(core), *map(str, command)]


class Tool:
    """One command of bench_tool that meets the driver at certain words."""

    def __init__(self, *arguments, core=LOAD_CORE):
        self.process = subprocess.Popen(pinned(core, TOOL, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_for(self, word, timeout=300):
        line = self.process.stdout.readline().strip()
        if line != word:
            raise SystemExit(f"bench_tool said {line!r} instead of {word!r}")

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def result(self):
        line = self.process.stdout.readline()
        if self.process.wait() != 0:
            raise SystemExit("bench_tool failed")
        return json.loads(line)


def make(*arguments):
    subprocess.run([TOOL, "make", *map(str, arguments)], check=True)


class Bench:
    """The demo's federation in a folder of its own: authority, SMP, name server and one access point (ap2, pinned) run; the bench itself
    is its counterpart ap1 and its message service."""

    def __init__(self, folder, key_bits):
        self.folder = pathlib.Path(folder) / f"rsa{key_bits}"
        done = subprocess.run([BUDKAVLE, "demo", "--data", str(self.folder), "--prepare", "--json", "--key-bits", str(key_bits)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"the federation could not be laid out: {done.stdout}{done.stderr}")
        self.facts = json.loads(done.stdout)
        self.commands = {process["name"]: process["command"] for process in self.facts["processes"]}
        self.own, self.peer = (next(ap for ap in self.facts["accessPoints"] if ap["name"] == name) for name in ("ap2", "ap1"))
        self.participants = {one["id"]: one for one in self.facts["participants"]}
        self.running = {}
        config = self.folder / "ap2" / "ap2.toml"
        # Octets of requests are kept by the demo to be shown, and it sends two messages at a time; an operator does neither.
        config.write_text(config.read_text().replace("keep_wire_octets = true", "keep_wire_octets = false").replace("\n[ap]\n", "\n[ap]\nmax_message = 2000000000\nsenders = 16\n"))

    def __enter__(self):
        for name in ("dns", "sml", "ca", "smp"):
            self.start(name, LOAD_CORE)
        for participant in (NORRBY, REGION):
            self.await_name(participant)
        self.start("ap2", SERVER_CORE)
        self.wait_until_ready()
        return self

    def __exit__(self, *_):
        for name in reversed(list(self.running)):
            self.stop(name)

    def await_name(self, participant, there=True, pause=0.1):
        """Who is not in the locator yet is not registered: nothing is measured before."""
        name = subprocess.run([BUDKAVLE, "smp", "name", participant, "--zone", self.facts["zone"]], capture_output=True, text=True, check=True).stdout.split()[-1]
        look = ["kdig", "@127.0.0.1", "-p", str(self.facts["dnsPort"]), "+short", "+timeout=1", "+retry=0", name, "NAPTR"]
        for _ in range(600):
            done = subprocess.run(look, capture_output=True, text=True, check=False)
            ended = [name for name, process in self.running.items() if process.poll() is not None]
            if ended:
                raise SystemExit(f"{ended} ended; see {self.folder}/{ended[0]}/bench.log")
            if done.returncode == 0 and ("Meta:SMP" in done.stdout) == there:
                return
            time.sleep(pause)
        raise SystemExit(f"{participant} did not {'appear in' if there else 'leave'} the locator; see {self.folder}/sml")

    def start(self, name, core, wrap=()):
        with open(self.folder / name / "bench.log", "ab") as output:
            self.running[name] = subprocess.Popen([*wrap, *pinned(core, *self.commands[name])], stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def stop(self, name):
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def pid(self):
        return self.running["ap2"].pid

    def wait_until_ready(self):
        port = self.own["url"].rsplit(":", 1)[1].split("/")[0]
        for _ in range(200):
            done = subprocess.run(["curl", "-ks", "--cert", self.peer["tlsCert"], "--key", self.peer["tlsKey"], f"https://127.0.0.1:{port}/health"], capture_output=True)
            if done.stdout:
                return
            if self.running["ap2"].poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"the access point did not come up; see {self.folder}/ap2")

    # --- arguments of bench_tool ---

    def envelope(self, sender, recipient):
        return ["--signer-key", self.participants[sender]["o2o"]["key"], "--signer-cert", self.participants[sender]["o2o"]["cert"],
                "--recipient", self.participants[recipient]["o2o"]["cert"], "--from-id", sender, "--to-id", recipient, "--federation", self.facts["federationId"]]

    def make_incoming(self, out, *more):
        make("--key", self.peer["key"], "--cert", self.peer["cert"], "--to", self.own["cert"], *self.envelope(NORRBY, REGION), "--out", out, *more)

    def make_outgoing(self, out, *more):
        make("--envelopes", *self.envelope(REGION, NORRBY), "--out", out, *more)

    def load(self, file, *more, port=None):
        host, own_port, path = split_url(self.own["url"])
        port = port or own_port
        return Tool("load", *files_of(file), "--host", host, "--port", port, "--path", path, "--tls-key", self.peer["tlsKey"], "--tls-cert", self.peer["tlsCert"],
                    "--tls-trust", self.facts["trust"]["tls"], "--peer", self.own["cert"], "--peer-trust", self.facts["trust"]["as4"], *more)

    def outbox(self, file, *more):
        service = self.facts["messageServices"][self.participants[REGION]["messageServiceName"]]
        host, port, _ = split_url(self.own["interfaceC"])
        return Tool("outbox", *files_of(file), "--host", host, "--port", port, "--participant", REGION, "--tls-key", service["key"], "--tls-cert", service["cert"],
                    "--tls-trust", self.facts["trust"]["tls"], *more)

    def null_peer(self):
        _, port, _ = split_url(self.peer["url"])
        return Tool("peer", "--key", self.peer["key"], "--cert", self.peer["cert"], "--tls-key", self.peer["tlsKey"], "--tls-cert", self.peer["tlsCert"],
                    "--tls-trust", self.facts["trust"]["tls"], "--port", port)


def files_of(files):
    return [word for file in (files if isinstance(files, list) else [files]) for word in ("--file", file)]


def split_url(url):
    host, _, rest = url.removeprefix("https://").partition(":")
    port, _, path = rest.partition("/")
    return host, port, "/" + path


def timed(bench, tool):
    """Runs what `tool` has prepared; its result with the processor time of the access point."""
    tool.wait_for("ready")
    before, start = cpu_seconds(bench.pid), time.monotonic()
    tool.go()
    tool.wait_for("done")
    spent, seconds = cpu_seconds(bench.pid) - before, time.monotonic() - start
    tool.go()
    result = tool.result()
    result["cpu_seconds"] = spent
    result.setdefault("seconds", seconds)
    if result["bad"]:
        raise SystemExit(f"{result['bad']} messages have no valid receipt: nothing was measured")
    return result


def working_folder():
    return tempfile.TemporaryDirectory(prefix="budkavle-bench-", dir=os.environ.get("BENCH_FOLDER"))
