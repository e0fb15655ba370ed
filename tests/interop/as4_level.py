"""AS4 alone, without envelopes: `budkavle as4 serve` and `as4 send` against phase4, where the federation's payload profile allows one envelope only."""
import hashlib
import json
import pathlib
import re
import subprocess
import time

import chain as whole
import peer as foreign
from as4_server import As4Server
from support import BUDKAVLE

def memory(pid):
    """Peak resident memory in MB."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) // 1024


class Serve(As4Server):
    """A running `budkavle as4 serve` with the demo's first access point's keys."""

    def __init__(self, chain, *more, name="serve"):
        self.folder = chain.folder / name
        self.drop, trust = self.folder / "drop", self.folder / "trust"
        for folder in (self.drop, trust):
            folder.mkdir(parents=True, exist_ok=True)
        (trust / "as4.pem").write_bytes(pathlib.Path(chain.federation.facts["trust"]["as4"]).read_bytes())
        (trust / "partner.crt").write_bytes(chain.settings["as4.cert"].read_bytes())  # named without being sent, in some cases
        to, crls = chain.access_points["ap1"], [word for file in chain.federation.facts["crls"] for word in ("--crl", file)]
        super().__init__("--key", to["key"], "--cert", to["cert"], "--trust", trust / "as4.pem", *crls, "--drop", self.drop,
                         "--tls-cert", to["tlsCert"], "--tls-key", to["tlsKey"], "--tls-trust", chain.federation.facts["trust"]["tls"], *more)
        self.url = f"https://ap1.{chain.federation.facts['zone']}:{self.port}/as4"

    def last(self, message_id, seconds=20):
        with self.arrived:
            self.arrived.wait_for(lambda: any(line["messageId"] == message_id for line in self.lines), timeout=seconds)
            return next((line for line in reversed(self.lines) if line["messageId"] == message_id), {})


def sha256(file):
    with open(file, "rb") as octets:
        return hashlib.file_digest(octets, "sha256").hexdigest()


def files_of(folder):
    """name → (file, mimeType)."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"xml": ('<?xml version="1.0" encoding="UTF-8"?>\r\n<x:rot xmlns:x="urn:exempel" b="2" a="1"\t>åäö &amp; <tom/>\r\n</x:rot>\n'.encode(), "text/xml"),
            "application-xml": (b'<?xml version="1.0"?><!-- borta --><a xmlns="urn:a"><b c = "d"/></a>', "application/xml"),
            "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><g id="1"/></svg>', "image/svg+xml"),
            "text": ("rad ett\nrad två\r\nrad tre\n".encode(), "text/plain"),
            "binary": (bytes(range(256)) * 500, "application/octet-stream"), "empty": (b"", "application/octet-stream")}
    for name, (octets, _) in made.items():
        (folder / name).write_bytes(octets)
    return {name: (folder / name, kind) for name, (_, kind) in made.items()}


def order(chain, serve, parts, **more):
    one = chain.order("/dev/null", **more)
    one.update(url=serve.url, parts=parts)
    return one


def received(chain, serve):
    check, files = chain.cases.check, files_of(chain.folder / "files")

    def part(name, cid, **more):
        return {"file": str(files[name][0]), "cid": cid, "mimeType": files[name][1], "compress": False, **more}

    packed = {"compress": True}
    rows = [("two parts, gzip", [part("xml", "message", **packed), part("binary", "attachment", **packed)], {}),
            ("two parts, uncompressed XML and binary", [part("xml", "message"), part("binary", "attachment")], {}),
            ("application/xml and image/svg+xml uncompressed, canonical digests", [part("application-xml", "message"), part("svg", "bild")], {}),
            ("text/plain uncompressed, line ends normalised in the digest", [part("text", "message")], {}),
            ("an empty part, gzip and plain", [part("xml", "message", **packed), part("empty", "ett", **packed), part("empty", "tva")], {}),
            ("CharacterSet UTF-16", [part("binary", "message", charset="utf-16", **packed)], {}),
            ("28 parts", [part("xml", "message", **packed)] + [part("binary", f"bilaga{i}", **packed) for i in range(27)], {}),
            ("no conversation of ours, no properties' types, Content-ID with @", [part("xml", "a.b-c_d@granne.example.se", **packed)], {})]
    rows += [(f"certificates named by {kind}", [part("xml", "message", **packed)], {"reference": kind}) for kind in ("ISSUER_SERIAL", "SKI_KEY_IDENTIFIER", "THUMBPRINT_IDENTIFIER")]
    for name, parts, more in rows:
        report = chain.peer.ask("/send", order(chain, serve, parts, **more))
        line = serve.last(report.get("messageId")) if report.get("messageId") else {}
        check(f"as4 serve: {name}", whole.good(report) and line.get("outcome") == "accepted" and [p["sha256"] for p in line["payloads"]] == [sha256(p["file"]) for p in parts], f"{report} {line}")


OLDER = {"oaep_sha256_mgf_sha1": {"mgf": "http://www.w3.org/2009/xmlenc11#mgf1sha1"},
         "oaep_sha1_mgf_sha1": {"mgf": "http://www.w3.org/2009/xmlenc11#mgf1sha1", "transportDigest": "http://www.w3.org/2000/09/xmldsig#sha1"},
         "mgf1p_sha256": {"transport": "RSA_OAEP", "mgf": "http://www.w3.org/2009/xmlenc11#mgf1sha1"},
         "mgf1p_sha1": {"transport": "RSA_OAEP", "mgf": "http://www.w3.org/2009/xmlenc11#mgf1sha1", "transportDigest": "http://www.w3.org/2000/09/xmldsig#sha1"}}


def older_key_transport(chain):
    """as4-wire.md 1.6: each older form over phase4, taken with its own switch, refused without and with another's."""
    files = files_of(chain.folder / "files")
    parts = [{"file": str(files["xml"][0]), "cid": "message", "mimeType": "text/xml", "compress": True}]
    for name, how in OLDER.items():
        for switch in (name, None, next(other for other in OLDER if other != name)):
            serve = Serve(chain, *(("--key-transport", switch) if switch else ()), name=f"serve-{name}-{switch}")
            try:
                report = chain.peer.ask("/send", order(chain, serve, parts, **how))
                if switch == name:
                    line = serve.last(report.get("messageId"))
                    chain.cases.check(f"as4 serve: {name} from phase4 is taken with its switch", whole.good(report) and line.get("outcome") == "accepted", f"{report} {line}")
                else:
                    chain.cases.check(f"as4 serve: {name} from phase4 is EBMS:0103 with {switch or 'no switch'}", whole.refused_with(report, "EBMS:0103"), report)
            finally:
                serve.stop()


LARGE = 250_000_000


def large(chain):
    """250 MB with phase4, both directions; our memory stays flat, Java's need not (its GCM keeps a part whole until the tag).

    Towards phase4 in 25 parts: the stream ciphers of JDK 17 make a new buffer for all they hold at every 8 kB, so the time of a part grows with its square (a quarter of an hour for 250 MB in one)."""
    check = chain.cases.check
    file = chain.folder / "large.bin"
    with open(file, "wb") as out, open("/dev/urandom", "rb") as random:
        for _ in range(LARGE // 10_000_000):
            out.write(random.read(10_000_000))
    chain.peer.stop()
    chain.start_peer(heap="3g")
    serve = Serve(chain, "--max-message", str(LARGE + 1_000_000), name="serve-large")
    try:
        started = time.monotonic()
        before = memory(serve.process.pid)
        parts = [{"file": str(file), "cid": "message", "mimeType": "application/octet-stream", "compress": True}]
        report = chain.peer.ask("/send", order(chain, serve, parts), timeout=900)
        line = serve.last(report.get("messageId"), 60) if report.get("messageId") else {}
        grown = memory(serve.process.pid) - before
        check(f"phase4 → as4 serve: 250 MB in {time.monotonic() - started:.0f} s, {grown} MB of memory", whole.good(report) and line.get("outcome") == "accepted"
              and [p["sha256"] for p in line["payloads"]] == [sha256(file)] and grown < 64, f"{str(report)[:1000]} {line} {grown} MB")
        serve.stop()
        pieces = split(file, 25)
        verdict, peak, seconds = send(chain, pieces, more=("--answer-timeout", "600"))
        got = chain.peer.received(messageId=verdict.get("messageId"))
        check(f"as4 send → phase4: 250 MB in {seconds:.0f} s, at most {peak} MB of memory", verdict["outcome"] == "accepted" and len(got) == 1
              and [p["sha256"] for p in got[0]["parts"]] == [sha256(one) for one in pieces] and peak < 96, f"{verdict} {str(got)[:500]} {peak} MB")
    finally:
        serve.stop()
        for one in chain.folder.glob("large.*"):
            one.unlink()
        chain.peer.stop()
        chain.start_peer()


def split(file, count):
    """The file in parts of one size, beside it."""
    size = file.stat().st_size // count
    names = [file.with_suffix(f".{n}") for n in range(count)]
    with open(file, "rb") as whole_file:
        for name in names:
            name.write_bytes(whole_file.read(size))
    return names


def send(chain, files, profile="digg-transport-as4-v1_0", more=()):
    own = chain.access_points["ap1"]
    started = time.monotonic()
    process = subprocess.Popen([BUDKAVLE, "as4", "send", "--url", f"https://127.0.0.1:{chain.peer.port}/as4", "--key", own["key"], "--cert", own["cert"], "--to-cert", chain.settings["as4.cert"],
                                "--trust", chain.federation.facts["trust"]["as4"], "--tls-cert", own["tlsCert"], "--tls-key", own["tlsKey"], "--tls-trust", chain.federation.facts["trust"]["tls"],
                                "--profile", profile, *more, "--property", "originalSender=0203:a.example.se", "--property", "finalRecipient=0203:b.example.se",
                                *[word for file in files for word in ("--payload", str(file))], "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, memory(process.pid))
        except (OSError, AttributeError):
            pass
        time.sleep(0.02)
    out, errors = process.communicate()
    verdict = json.loads(out) if out.startswith("{") else {"outcome": out + errors}
    return verdict, peak, time.monotonic() - started


def sent(chain):
    check, files = chain.cases.check, files_of(chain.folder / "files")
    rows = [("two parts", ["xml", "binary"]), ("an empty part", ["xml", "empty"]), ("28 parts, as many as Java peers take", ["xml"] + ["binary"] * 27)]
    for profile in ("digg-transport-as4-v1_0", "digg-transport-as4-v1_2"):
        for name, wanted in rows:
            verdict, _, _ = send(chain, [files[one][0] for one in wanted], profile)
            got = chain.peer.received(messageId=verdict.get("messageId"))
            check(f"as4 send, {profile[-4:]}: {name}", verdict["outcome"] == "accepted" and len(got) == 1 and got[0]["signed"] and got[0]["encrypted"]
                  and [p["sha256"] for p in got[0]["parts"]] == [sha256(files[one][0]) for one in wanted], f"{verdict} {got}")


def run(chain):
    serve = Serve(chain)
    try:
        chain.cases.group("phase4 → as4 serve", received, chain, serve)
        chain.cases.group("as4 send → phase4", sent, chain)
    finally:
        serve.stop()
    chain.cases.group("older key transport, each by its switch", older_key_transport, chain)
    chain.cases.group("250 MB, both directions", large, chain)
