#!/usr/bin/env python3
"""Seeds from the vectors, in the form each fuzzer reads: written to FOLDER/NAME, beside what fuzz/corpus holds by hand.

Usage: fuzz/seeds.py FOLDER
"""
import hashlib
import base64
import json
import pathlib
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
VECTORS = ROOT / "tests" / "vectors"
LONGEST = 60000  # octets; longer ones teach a fuzzer nothing more


def octets(pattern):
    for file in sorted(VECTORS.glob(pattern)):
        if file.is_file():
            yield file.read_bytes()


def as4():
    for body in sorted(VECTORS.glob("as4-vectors/*.body")):
        kind = body.with_suffix(".headers").read_text().split(":", 1)[1].strip().encode()
        answer = body.name.startswith(("err-", "rcpt-"))
        yield "as4", (b"\x01" if answer else b"\x02") + kind + b"\n" + body.read_bytes()
        if not answer:
            yield "mime", kind + b"\n" + body.read_bytes()
            yield "accesspoint", b"\x03" + kind + b"\n" + body.read_bytes()


def requests():
    """HTTP heads and framings as clients of several makes write them."""
    for head, body in ((b"POST /as4 HTTP/1.1\r\nHost: ap\r\nContent-Length: 3\r\n\r\n", b"abc"),
                       (b"POST /as4 HTTP/1.1\r\nHost: ap\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n", b"5;a=b\r\nhello\r\n1f\r\n" + b"x" * 31 + b"\r\n0\r\nX: y\r\n\r\n"),
                       (b"POST /as4 HTTP/1.1\r\nHost: ap\r\nExpect: 100-continue\r\nContent-Type: multipart/related; boundary=\"x\"\r\nContent-Length: 2\r\n\r\n", b"ok"),
                       (b"GET /0203%3Ax/services/a%3A%3Ab?c=%20 HTTP/1.1\r\nHost: [::1]:443\r\nAccept: */*\r\nConnection: close\r\n\r\n", b"")):
        yield "net", head + body


def smp():
    for pattern in ("smp-vectors/xml/*.xml",):
        for document in octets(pattern):
            yield "smp", b"\x00" + document
            yield "xml", document
    for row in json.loads((VECTORS / "smp-vectors/naptr-vectors.json").read_text())["naptr"]:
        for record in [row["rr"]] if isinstance(row["rr"], str) else row["rr"]:
            yield "smp", b"\x01" + record.encode()
    for row in json.loads((VECTORS / "smp-vectors/smp-url-vectors.json").read_text())["urls"]:
        yield "smp", b"\x03" + row["path"].encode()


def trust():
    for pattern, kind in (("smp-vectors/csr/*", 5), ("smp-vectors/pki/*.pem", 3), ("smp-vectors/pki/*.crl", 4), ("smp-vectors/ocsp/resp*", 0), ("as4-vectors/keys/*.crt", 3),
                          ("as4-vectors/keys/*.pem", 4), ("as4-vectors/keys/*.p12", 2)):
        for one in octets(pattern):
            yield "crypto", bytes([kind]) + one
    for one in octets("smp-vectors/ocsp/req*"):
        yield "services", b"\x00" + one
        yield "services", b"\x00/" + base64.b64encode(one)
    for one in octets("smp-vectors/csr/*"):
        yield "services", b"\x01" + one
    for one in octets("smp-vectors/pki/*.pem"):
        yield "services", b"\x02" + one


def texts():
    for text in ("https://ap.example.se/as4", "https://[2001:db8::1]:8443/x?y", "http://user@host/", "https://xn--malm-8qa.example.se"):
        yield "services", b"\x03" + text.encode()
    for text in ("2026-03-02T09:15:03.900Z", "2026-03-02T09:15:03+01:00", "Mon, 23 Nov 2026 00:00:00 GMT", "0203:by.example.se", "0088:7300010000001", "aGVq", "00ff", "a%20b%C3%A5",
                 "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        yield "services", b"\x04" + text.encode()
    for answer in ({"as4MessageId": "a@b"}, {"state": "failed", "cause": {"code": "EBMS:0004", "text": "NOT_SERVICED", "retry": False}, "attempts": 4},
                   {"messages": [{"as4MessageId": "a@b", "xheId": "e", "fromPartyId": "AP1", "originalSender": "0203:x.example.se"}]}):
        yield "services", b"\x05\x00" + json.dumps(answer).encode()
    for text in ("120", "Mon, 23 Nov 2026 00:00:00 GMT"):
        yield "accesspoint", b"\x06" + text.encode()
    yield "accesspoint", b"\x05" + b'id=a%40b&participant=0203:x&state=failed&from=2026-03-02T00:00:00Z&limit=20&after=1&wait=5\n{"reason": "x", "note": "y"}'
    yield "accesspoint", b"\x07" + json.dumps({"messageId": "a@b", "toParty": "AP2", "references": [{"uri": "cid:message", "transforms": ["t"], "digestMethod": "d", "digestValue": "v"}]}).encode()
    yield "accesspoint", b"\x02" + b"\x00\x00\x00\x05hello"


def packages():
    """An evidence package's outline, as files and as the fuzzer's own list of files."""
    files = {"manifest.json": b'{"format": "budkavle-evidence-1", "files": [{"name": "request.xml", "sha256": "00"}]}', "manifest.sig": b"c2ln", "request.xml": b"<a/>", "receipt.xml": b"<b/>"}
    yield "accesspoint", b"\x01" + b"\x00".join(name.encode() + b"\n" + data for name, data in files.items())
    made = ROOT / "build" / "seed.zip"
    made.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    yield "accesspoint", b"\x00" + made.read_bytes()
    made.unlink()


def documents():
    for kind in ("xhe", "message", "receipt"):
        for document in octets(f"sdk-vectors/{kind}/*.xml"):
            yield "sdk", document
    for document in octets("smp-vectors/sml-messages/*.xml"):
        yield "xml", document


def main():
    folder = pathlib.Path(sys.argv[1])
    count = 0
    for maker in (as4, requests, smp, trust, texts, packages, documents):
        for name, seed in maker():
            if len(seed) > LONGEST:
                continue
            into = folder / name
            into.mkdir(parents=True, exist_ok=True)
            (into / hashlib.sha256(seed).hexdigest()[:20]).write_bytes(seed)
            count += 1
    print(f"{count} seeds from the vectors")


if __name__ == "__main__":
    main()
