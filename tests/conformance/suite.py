"""Named conformance cases, and foreign access points made of Python's TLS in front of `budkavle as4 serve`."""
import csv
import http.client
import http.server
import json
import pathlib
import re
import shutil
import ssl
import subprocess
import threading
import time
import traceback
import urllib.parse
import uuid

from bed import BUDKAVLE, Client, Pki, Poster, Tally, forge, run

CASES = {}


def case(*ids):
    """Names a test after the ids of the specification that it shows; check_ids.py reads these lines."""
    def register(function):
        for one in ids:
            CASES.setdefault(one, []).append(function)
        return function
    return register


def run_cases(tally, world, only=""):
    done = set()
    for name, functions in CASES.items():
        for function in functions:
            if function in done or (only and only not in name):
                continue
            done.add(function)
            ids = ", ".join(one for one, many in CASES.items() if function in many)
            started = time.monotonic()
            before = tally.failed
            try:
                function(world, tally)
            except Exception:  # noqa: BLE001 - a case that breaks is a case that failed, and the others still run
                tally.check(f"{ids}: {function.__name__}", False, traceback.format_exc())
            print(f"    {'ok' if tally.failed == before else 'FAILED'}  {time.monotonic() - started:5.1f} s  {ids}: {(function.__doc__ or function.__name__).splitlines()[0]}")


class Messages:
    """What forge_as4 wrote, by name."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        with open(self.folder / "INDEX.tsv", encoding="utf-8") as file:
            self.rows = {row["name"]: row for row in csv.DictReader(file, delimiter="\t")}

    def headers(self, name):
        return dict(line.split(": ", 1) for line in (self.folder / f"{name}.headers").read_text().splitlines())

    def body(self, name):
        return (self.folder / f"{name}.body").read_bytes()

    def post(self, poster, name):
        return poster.post(self.headers(name), self.body(name))


class BareAp:
    """`budkavle as4 serve`: a bare access point behind plain HTTP, without payload profile and four-corner checks."""

    def __init__(self, identity, trust, crl, drop):
        self.drop = pathlib.Path(drop)
        self.drop.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen([BUDKAVLE, "as4", "serve", "--listen", "127.0.0.1:0", "--key", f"{identity}.key", "--cert", f"{identity}.crt", "--trust", trust,
                                         *[part for one in crl for part in ("--crl", one)], "--drop", drop], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(re.search(r":(\d+)\s*$", self.process.stderr.readline()).group(1))
        self.lines = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def post(self, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", "/as4", body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, answer.headers["Content-Type"] or "", data

    def dropped(self):
        return sorted(self.drop.iterdir())

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


class Peer:
    """A foreign access point on a TLS port: keeps what it is sent, answers as `answer(number, headers, body)` says."""

    def __init__(self, tls, trust, answer, address="127.0.0.1"):
        self.requests, self.address = [], address
        self.answer = answer
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                    pieces = []
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        pieces.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    body = b"".join(pieces)
                else:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                peer.requests.append((dict(self.headers.items()), body))
                said = peer.answer(len(peer.requests), dict(self.headers.items()), body)
                if said is None:  # the connection ends without an answer
                    self.close_connection = True
                    self.connection.close()
                    return
                status, kind, data = said
                self.send_response(status)
                if kind:
                    self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server((address, 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{tls}.crt", f"{tls}.key")
        context.load_verify_locations(trust)
        context.verify_mode = ssl.CERT_REQUIRED
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"https://{self.address}:{self.port}/as4"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Header:
    """What one sent request says, read with regular expressions: independent of the program's own reader."""

    def __init__(self, request):
        self.http, body = request
        start = body.find(b"<?xml")
        end = body.find(b"Envelope>", start)
        self.xml = body[start:end + 9].decode()
        self.package = body

    def all(self, pattern):
        return re.findall(pattern, self.xml, re.S)

    def one(self, pattern):
        found = self.all(pattern)
        assert len(found) == 1, f"{pattern}: {found}"
        return found[0]


class InterfaceC:
    """A message service at an access point's interface C."""

    def __init__(self, federation, service, ap, participant):
        facts = federation.facts["messageServices"][service]
        access_point = next(one for one in federation.facts["accessPoints"] if one["name"] == ap)
        self.client = Client(access_point["interfaceC"], facts["cert"], facts["key"], federation.facts["trust"]["tls"], 180)
        self.base = f"/c/v1/participants/{urllib.parse.quote(participant, safe='')}"

    def submit(self, octets, xhe_id, number=0):
        return self.client.json("POST", f"{self.base}/outbox", octets, {"Content-Type": "application/xml", "Idempotency-Key": f"{xhe_id}:{number}"})

    def status(self, as4_id):
        return self.client.json("GET", f"{self.base}/outbox/{urllib.parse.quote(as4_id, safe='')}")[1]

    def final(self, as4_id, seconds=60):
        deadline = time.monotonic() + seconds
        while True:
            status = self.status(as4_id)
            if status.get("state") in ("delivered", "failed") or time.monotonic() > deadline:
                return status
            time.sleep(0.1)

    def events(self, as4_id=None):
        query = f"?as4MessageId={urllib.parse.quote(as4_id, safe='')}" if as4_id else ""
        return self.client.json("GET", f"{self.base}/events{query}")[1]["events"]

    def fetch(self, as4_id):
        status, _, data = self.client.request("GET", f"{self.base}/inbox/{urllib.parse.quote(as4_id, safe='')}")
        return status, data


def seal_envelope(federation, folder, sender, recipient, payload, function=None, xhe_id=None, key=None, recipient_cert=None, document=None, federation_id=None):
    """Signed and encrypted XHE octets, by the command line."""
    xhe_id = xhe_id or str(uuid.uuid4())
    source, out = pathlib.Path(folder) / f"{xhe_id}.xml", pathlib.Path(folder) / f"{xhe_id}.xhe"
    source.write_bytes(payload)
    identity = key or federation.participants[sender]["o2o"]
    more = ["--function", function] if function else []
    more += ["--document", document] if document else []
    more += ["--to-cert", recipient_cert] if recipient_cert else []
    run("xhe", "seal", "--payload", source, "--from", sender, "--to", recipient, "--key", identity["key"], "--cert", identity["cert"], "--id", xhe_id,
        "--federation", federation_id or federation.facts["federationId"], "--out", out, *more, check=(0,))
    octets = out.read_bytes()
    source.unlink()
    out.unlink()
    return xhe_id, octets
