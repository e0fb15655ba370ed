"""The foreign access point as the tests see it: built by Maven once, started with its own keys, steered over its control port."""
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

from support import BUDKAVLE, ROOT

PROJECT = ROOT / "tests" / "interop" / "phase4"
OUTPUTS = ROOT / "build" / "interop" / "phase4"
PARTY = "AP0009-SDK-DEMO"
PARTICIPANT = "0203:granne.example.se"
FUNCTION = "sdk:inkorg:" + PARTICIPANT


class NoJava(Exception):
    """Java, Maven or an artifact is missing; says what to do."""


def build():
    """Compiles the peer and resolves its classpath. Without a change nothing is done: a repeated run needs neither Maven nor network."""
    for tool, package in (("java", "openjdk-17-jdk-headless"), ("mvn", "maven")):
        if not shutil.which(tool):
            raise NoJava(f"'{tool}' is missing: install {package}, or set INTEROP=off to leave these checks out of .ci/run")
    sources = sorted(PROJECT.rglob("*.java")) + [PROJECT / "pom.xml"]
    mark = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()
    stamp, listed = OUTPUTS / "stamp", OUTPUTS / "classpath"
    if stamp.exists() and stamp.read_text() == mark and all(pathlib.Path(jar).exists() for jar in listed.read_text().strip().split(":")):
        return
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    done = subprocess.run(["mvn", "-q", "-B", "-f", PROJECT / "pom.xml", f"-Doutputs={OUTPUTS}", "compile", "dependency:build-classpath", f"-Dmdep.outputFile={listed}"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise NoJava(f"Maven could not build tests/interop/phase4. If it says that an artifact could not be resolved, Maven's configured repository does not offer it "
                     f"or the network is away.\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    stamp.write_text(mark)
    print(f"    peer built by Maven in {time.monotonic() - started:.0f} s", file=sys.stderr)


def classpath():
    return f"{OUTPUTS / 'classes'}:{(OUTPUTS / 'classpath').read_text().strip()}"


def java(main, *arguments, options=(), **more):
    """Runs one of the project's programs to its end."""
    return subprocess.run(["java", *options, "-cp", classpath(), f"budkavle.interop.{main}", *map(str, arguments)], capture_output=True, text=True, **more)


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Peer:
    """A running Java process: an access point made of phase4."""

    def __init__(self, folder, settings, hosts=(), heap="256m"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        properties = {"folder": folder / "kept", **settings}
        (folder / "peer.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        (folder / "hosts").write_text("".join(f"127.0.0.1 {host}\n" for host in ("localhost", *hosts)))
        self.log = open(folder / "peer.log", "ab")  # noqa: SIM115 as long as the process
        self.process = subprocess.Popen(["java", f"-Xmx{heap}", f"-Djdk.net.hosts.file={folder / 'hosts'}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                                         "-cp", classpath(), "budkavle.interop.Peer", str(folder / "peer.properties")], stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the peer did not start: {(folder / 'peer.log').read_text()[-2000:]}")
        facts = json.loads(line)
        self.port, self.control = facts["port"], facts["control"]
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def ask(self, path, order=None, timeout=600):
        connection = http.client.HTTPConnection("127.0.0.1", self.control, timeout=timeout)
        try:
            connection.request("POST", path, json.dumps(order or {}))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def received(self, **wanted):
        return [one for one in self.ask("/received") if all(one.get(name) == value for name, value in wanted.items())]

    def wait_received(self, seconds=30, **wanted):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.received(**wanted)
            if found:
                return found
            time.sleep(0.2)
        return []

    def behave(self, name, code="", detail="", status=500):
        """Queues how one of the next messages is answered (Behaviour.java)."""
        self.ask("/behave", {"name": name, "code": code, "detail": detail, "status": status})

    def wires(self):
        """Requests in the order they came, as paths without ending."""
        return sorted((file.with_suffix("") for file in (self.folder / "kept").glob("wire-*.body")), key=lambda path: int(path.name.split("-")[1]))

    def stop(self):
        if self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
                self.ask("/stop", timeout=10)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def make_key(folder, name, subject):
    folder.mkdir(parents=True, exist_ok=True)
    openssl("req", "-newkey", "rsa:3072", "-nodes", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr", "-subj", f"/C=SE/O=Granne/CN={subject}")


def budkavle(*arguments):
    done = subprocess.run([BUDKAVLE, *map(str, arguments)], capture_output=True, text=True, timeout=180)
    if done.returncode != 0:
        raise AssertionError(f"budkavle {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
    return done.stdout


def join(federation, folder, port, profile="digg-transport-as4-v1_0"):
    """Certificates of the demo's own authorities for the peer, and its entry in the register. Returns the peer's settings."""
    keys = folder / "keys"
    if not (keys / "as4.key").exists():
        make_key(keys, "as4", PARTY)
        budkavle("pki", "issue", "--config", federation.data / "ca" / "ca.toml", "--who", "interop", "--ca", "ca-ap", "--profile", "access-point", "--name", PARTY,
                 "--organisation", "Granne", "--request", keys / "as4.csr", "--out", keys / "as4.chain")
        # WSS4J wants the root as anchor (an issuing CA alone is not enough), and a key store without more than the leaf.
        leaf, *above = [one + "-----END CERTIFICATE-----\n" for one in (keys / "as4.chain").read_text().split("-----END CERTIFICATE-----\n") if one.strip()]
        (keys / "as4.crt").write_text(leaf)
        (keys / "as4.trust").write_text("".join(above))
    facts = json.loads(budkavle("demo", "add-peer", "--id", PARTICIPANT, "--endpoint", f"https://127.0.0.1:{port}/as4", "--cert", keys / "as4.crt",
                                "--transport-profile", profile, "--data", federation.data, "--json"))
    return facts, {"port": port, "as4.key": keys / "as4.key", "as4.cert": keys / "as4.crt", "as4.trust": keys / "as4.trust",
                   "tls.key": facts["tls"]["key"], "tls.cert": facts["tls"]["cert"], "tls.trust": facts["trust"]["tls"]}


def wait_for_demo(federation, seconds=60):
    """After add-peer the demo's processes start again; waits until both message services answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            for participant in federation.participants:
                federation.inbox(participant)
            return
        except (OSError, AssertionError, http.client.HTTPException):
            time.sleep(0.3)
    raise AssertionError("the demo did not come back after add-peer")
