"""The test bed: a prepared demo federation, its own certificates (revoked, expired, of another environment), clients with Python's TLS."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))
from federation import Client, Federation, running_demo  # noqa: E402
from support import BUDKAVLE, Tally, run  # noqa: E402

FORGE = os.environ.get("FORGE_AS4", str(ROOT / "build" / "release" / "tests" / "forge_as4"))
NORRBY, SODERBY, REGION = "0203:norrby.example.se", "0203:soderby.example.se", "0203:region-ost.example.se"


def forge(*arguments):
    done = subprocess.run([FORGE, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"forge_as4 {arguments[0]}: {done.stdout}{done.stderr}")
    return done.stdout


class Pki:
    """Certificates of the prepared demo's authorities, honest and otherwise."""

    def __init__(self, data):
        self.data = pathlib.Path(data)
        self.keys = self.data / "bed"
        self.keys.mkdir(exist_ok=True)
        self.config = self.data / "ca" / "ca.toml"

    def mint(self, name, cn, ca="ca-ap", **options):
        """By the authority's own key, whatever it says."""
        cert = self.keys / f"{ca}.crt"
        if not cert.exists():
            store = {"ca-ap": "as4", "ca-tls": "tls"}[ca]
            cert.write_text((self.data / "trust" / f"{store}.pem").read_text())
        more = [text for key, value in options.items() for one in (value if isinstance(value, list) else [value]) for text in (f"--{key}", one)]
        forge("mint", "--issuer-key", self.data / "ca" / "authority" / "keys" / f"{ca}.pem", "--issuer-cert", cert, "--passphrase-file", self.data / "ca" / "passphrase",
              "--name", cn, "--out", self.keys / name, *more)
        return self.keys / name

    def foreign(self, name, cn, **options):
        """By an authority of another environment."""
        other = self.keys / "other-ca"
        if not other.with_suffix(".key").exists():
            forge("mint", "--ca", "--name", "Accesspunkt CA-OPEN-TEST", "--out", other)
        more = [text for key, value in options.items() for one in (value if isinstance(value, list) else [value]) for text in (f"--{key}", one)]
        forge("mint", "--issuer-key", f"{other}.key", "--issuer-cert", f"{other}.crt", "--name", cn, "--out", self.keys / name, *more)
        return self.keys / name

    def issue(self, name, cn, ca="ca-ap", profile="access-point"):
        """As an authority does it: for a request, and on the record."""
        base = self.keys / name
        subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:3072", "-nodes", "-keyout", f"{base}.key", "-out", f"{base}.csr", "-subj", f"/C=SE/O=Provbank/CN={cn}"], check=True, capture_output=True)
        run("pki", "issue", "--config", self.config, "--who", "bed", "--ca", ca, "--profile", profile, "--name", cn, "--organisation", "Provbank", "--request", f"{base}.csr", "--out", f"{base}.crt", check=(0,))
        return base

    def revoke(self, base, ca="ca-ap"):
        shown = subprocess.run(["openssl", "x509", "-in", f"{base}.crt", "-noout", "-serial"], check=True, capture_output=True, text=True).stdout
        run("pki", "revoke", "--config", self.config, "--who", "bed", "--ca", ca, "--serial", str(int(shown.split("=")[1], 16)), "--reason", "keyCompromise", "--cause", "test bed", check=(0,))


class Poster:
    """POST of AS4 bodies over one kept-alive mutual TLS connection, as a foreign access point does it."""

    def __init__(self, url, cert, key, trust, timeout=60):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.path, self.timeout = parts.hostname, parts.port, parts.path, timeout
        self.context = ssl.create_default_context(cafile=trust)
        self.context.load_cert_chain(cert, key)
        self.connection = None

    def connect(self):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=self.context)
        self.connection.sock = self.context.wrap_socket(raw, server_hostname=self.host)

    def post(self, headers, body, method="POST"):
        """Status, headers, body. An answer may come before the whole body was taken; a fresh connection is tried once."""
        for attempt in (1, 2):
            try:
                if self.connection is None:
                    self.connect()
                self.connection.request(method, self.path, body, headers)
                answer = self.connection.getresponse()
                data = answer.read()
                if answer.will_close:
                    self.close()
                return answer.status, answer.headers, data
            except (OSError, http.client.HTTPException):
                self.close()
                if attempt == 2:
                    raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Log:
    """Lines of one log that came since the last look."""

    def __init__(self, path):
        self.path, self.at = pathlib.Path(path), 0
        self.new()

    def new(self):
        if not self.path.exists():
            return []
        with open(self.path, "rb") as file:
            file.seek(self.at)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self.at += whole
        return [json.loads(line) for line in data[:whole].splitlines()]


def prepare(folder):
    """A demo that is laid out but not started: federation facts and PKI."""
    done = run("demo", "--data", folder, "--prepare", "--json", timeout=300)
    if done.returncode != 0:
        raise AssertionError(done.stdout.decode() + done.stderr.decode())
    return Federation(json.loads(done.stdout)), Pki(folder)


def restart(federation, name):
    """The supervisor starts it again; returns when it listens."""
    os.kill(federation.pid(name), signal.SIGTERM)
    before = federation.pid(name)
    facts = next(ap for ap in federation.facts["accessPoints"] if ap["name"] == name)
    port = urllib.parse.urlsplit(facts["url"]).port
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.2)
        if federation.pid(name) == before:
            continue
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
    raise AssertionError(f"{name} did not come back")


def inbox(federation, ap, service, participant):
    """AS4 ids that wait for the message service, by interface C."""
    facts = federation.facts["messageServices"][service]
    access_point = next(one for one in federation.facts["accessPoints"] if one["name"] == ap)
    client = Client(access_point["interfaceC"], facts["cert"], facts["key"], federation.facts["trust"]["tls"])
    ids, after = [], 0
    while True:
        status, answer = client.json("GET", f"/c/v1/participants/{urllib.parse.quote(participant, safe='')}/inbox?after={after}")
        assert status == 200, answer
        if not answer["messages"]:
            return ids
        ids += [message["as4MessageId"] for message in answer["messages"]]
        after = answer["messages"][-1]["position"]


def error_of(answer):
    """Code and ErrorDetail, or what a fault says."""
    code = re.search(rb'errorCode="([^"]+)"', answer)
    detail = re.search(rb"<eb:ErrorDetail>([^<]*)</eb:ErrorDetail>", answer)
    if code:
        return code.group(1).decode(), detail.group(1).decode() if detail else ""
    fault = re.search(rb"<env:Text[^>]*>([^<]*)<", answer)
    return ("fault", fault.group(1).decode()) if fault else ("", "")
