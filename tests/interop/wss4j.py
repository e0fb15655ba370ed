"""WSS4J and Santuario as judge of what we seal and sign, Basic Security Profile enforced; and as maker of what older peers send."""
import hashlib
import json
import pathlib
import subprocess

import peer as foreign
from support import BUDKAVLE, VECTORS

KEYS = VECTORS / "as4-vectors" / "keys"
OPEN = ["--key", KEYS / "ap-b.key", "--cert", KEYS / "ap-b.crt", "--trust", KEYS / "ca.crt", "--crl", KEYS / "ca.crl.pem"]
OAEP11, MGF1P = "http://www.w3.org/2009/xmlenc11#rsa-oaep", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
SHA1, SHA256 = "http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmlenc#sha256"
MGF_SHA1 = "http://www.w3.org/2009/xmlenc11#mgf1sha1"
ALL_SIGNED = {"Messaging", "Body"}


def judge(orders):
    """Many orders to one Java process (Judge.java)."""
    done = foreign.java("Judge", options=("-Dorg.slf4j.simpleLogger.defaultLogLevel=off",), input="".join(json.dumps({k: str(v) if isinstance(v, pathlib.Path) else v for k, v in one.items()}) + "\n" for one in orders), timeout=300)
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    if len(reports) != len(orders):
        raise AssertionError(f"{len(reports)} reports for {len(orders)} orders: {done.stderr[-2000:]}")
    return reports


def sha256(file):
    return hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()


def budkavle(*arguments):
    done = subprocess.run([BUDKAVLE, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def payloads(folder):
    folder.mkdir(parents=True, exist_ok=True)
    xml, binary, empty = folder / "one.xml", folder / "two.bin", folder / "three"
    xml.write_text('<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- åäö --><x:rot xmlns:x="urn:exempel" b="2" a="1"\t>text &amp; &lt;mer&gt;<tom/>\r\n</x:rot>\n', newline="")
    binary.write_bytes(bytes(range(256)) * 700)
    empty.write_bytes(b"")
    return xml, binary, empty


def seals(cases, folder):
    """Everything we seal, and the receipts and errors we sign, before WSS4J."""
    files = payloads(folder)
    orders, wanted = [], []
    for profile in ("digg-transport-as4-v1_0", "digg-transport-as4-v1_2"):
        for count in (1, 2, 3):
            base = folder / f"seal-{profile[-4:]}-{count}"
            parts = [word for file in files[:count] for word in ("--payload", file)]
            code, text = budkavle("as4", "seal", "--key", KEYS / "ap-a.key", "--cert", KEYS / "ap-a.crt", "--to-cert", KEYS / "ap-b.crt", "--profile", profile,
                                  "--property", "originalSender=0203:a.example.se", "--property", "finalRecipient=0203:b.example.se", *parts, "--out", base)
            cases.check(f"{profile}, {count} parts are sealed", code == 0, text)
            orders.append({"do": "open", "body": base, "headers": f"{base}.headers", "key": KEYS / "ap-b.key", "cert": KEYS / "ap-b.crt", "trust": KEYS / "ca.crt"})
            wanted.append((f"WSS4J opens {profile} with {count} parts, everything covered", [sha256(file) for file in files[:count]], base))
    for report, (name, digests, base) in zip(judge(orders), wanted):
        covered = set(report.get("covered", []))
        cids = {part["cid"] for part in report.get("parts", [])}
        cases.check(name, report["ok"] and report["signed"] and report["encrypted"] and [part["sha256"] for part in report["parts"]] == digests
                    and covered == ALL_SIGNED | {f"cid:{cid}" for cid in cids} and "CN=AP0001-SDK-TEST" in report["signer"], report)
    orders, names = [], []
    for name, source in [(base.name, base) for _, _, base in wanted] + [(file.stem, file.with_suffix("")) for file in sorted((VECTORS / "as4-vectors").glob("*.body")) if file.name.startswith(("pos", "neg"))]:
        body = source if source.exists() else source.with_suffix(".body")
        answer = folder / f"answer-{name}"
        budkavle("as4", "open", "--headers", f"{source}.headers", "--body", body, *OPEN, "--answer-out", answer)
        if answer.exists() and b":Signature" in answer.read_bytes():
            orders.append({"do": "open", "body": answer, "headers": f"{answer}.headers", "trust": KEYS / "ca.crt"})
            names.append((name, b"NonRepudiationInformation" in answer.read_bytes()))
    receipts = errors = 0
    for report, (name, receipt) in zip(judge(orders), names):
        receipts, errors = receipts + receipt, errors + (not receipt)
        cases.check(f"WSS4J verifies our {'receipt' if receipt else 'error'} to {name}", report["ok"] and report["signed"] and set(report["covered"]) == ALL_SIGNED and "CN=AP0002-SDK-TEST" in report["signer"], report)
    cases.check("both receipts and errors were among them", receipts >= 12 and errors >= 5, f"{receipts} receipts, {errors} errors")


def wire(cases, chain):
    """What crossed the wire between us and phase4, before WSS4J alone."""
    keys, trust = chain.settings, chain.settings["as4.trust"]
    orders = [{"do": "open", "body": f"{base}.body", "headers": f"{base}.headers", "key": keys["as4.key"], "cert": keys["as4.cert"], "trust": trust} for base in chain.peer.wires()]
    count = len(orders)
    orders += [{"do": "open", "body": file, "headers": f"{file}.headers", "trust": trust} for file in sorted((chain.peer.folder / "kept").glob("sent-*.answer")) if b":Signature" in file.read_bytes()]
    reports = judge(orders)
    bad = [report for report in reports[:count] if not (report["ok"] and report["signed"] and set(report["covered"]) >= ALL_SIGNED)]
    cases.check(f"WSS4J opens all {count} requests that our access point sent", count > 0 and not bad, bad)
    bad = [report for report in reports[count:] if not (report["ok"] and report["signed"] and set(report["covered"]) == ALL_SIGNED and "CN=AP0001-SDK-DEMO" in report["signer"])]
    cases.check(f"WSS4J verifies all {len(reports) - count} receipts and errors that it answered", len(reports) > count and not bad, bad)


def variants(cases, folder):
    """WSS4J's ways to name certificates and keys: accepted, or refused until the operator says otherwise."""
    xml, binary, _ = payloads(folder)
    parts = [{"file": str(xml), "cid": "message", "mimeType": "text/xml", "compress": True}, {"file": str(binary), "cid": "attachment", "mimeType": "application/octet-stream", "compress": False}]
    known = folder / "partners"  # our open looks for certificates that are only named beside the anchor
    known.mkdir(exist_ok=True)
    for name in ("ca.crt", "ap-a.crt", "ap-b.crt"):
        (known / name).write_bytes((KEYS / name).read_bytes())
    accepted = [(f"signature by {kind}", {"signReference": kind}, ()) for kind in ("BST", "PKIPATH", "ISSUER_SERIAL", "ISSUER_SERIAL_QUOTE", "SKI", "THUMBPRINT")]
    accepted += [(f"key for {kind}", {"encryptReference": kind}, ()) for kind in ("BST", "ISSUER_SERIAL", "ISSUER_SERIAL_QUOTE", "SKI", "THUMBPRINT")]
    accepted += [("signed Timestamp", {"timestamp": "signed"}, ()),
                 ("uncompressed XML alone", {"parts": [{**parts[0], "compress": False}]}, ())]
    switched = [("xenc11 OAEP, SHA-256, MGF1-SHA1", {"mgf": MGF_SHA1}, "oaep-sha256-mgf1-sha1"),
                ("xenc11 OAEP, SHA-1, MGF1-SHA1", {"mgf": MGF_SHA1, "transportDigest": SHA1}, "oaep-sha1-mgf1-sha1"),
                ("rsa-oaep-mgf1p, SHA-256", {"transport": MGF1P, "mgf": ""}, "mgf1p-sha256"),
                ("rsa-oaep-mgf1p, SHA-1", {"transport": MGF1P, "mgf": "", "transportDigest": SHA1}, "mgf1p-sha1"),
                ("rsa-oaep-mgf1p, no DigestMethod", {"transport": MGF1P, "mgf": "", "transportDigest": ""}, "mgf1p-sha1")]
    refused = [("RSA 1.5 key transport", {"transport": "http://www.w3.org/2001/04/xmlenc#rsa-1_5", "mgf": "", "transportDigest": ""}),
               ("AES-128-CBC", {"cipher": "http://www.w3.org/2001/04/xmlenc#aes128-cbc"}),
               ("RSA-SHA1 signature", {"signature": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}),
               ("SHA-1 digests", {"digest": SHA1}),
               ("unsigned Timestamp", {"timestamp": "unsigned"}),
               ("expired Timestamp", {"timestamp": "expired"})]
    rows = [(name, more, (), True) for name, more, _ in accepted]
    for name, more, _ in switched:
        rows.append((f"{name}, by default", more, (), False))
    rows += [(name, more, (), False) for name, more in refused]
    orders = [{"do": "make", "key": KEYS / "ap-a.key", "cert": KEYS / "ap-a.crt", "trust": KEYS / "ca.crt", "toCert": KEYS / "ap-b.crt", "from": "AP0001-SDK-TEST", "to": "AP0002-SDK-TEST",
               "out": folder / f"made-{number}", "parts": parts, **more} for number, (_, more, _, _) in enumerate(rows)]
    for number, (report, (name, more, options, good)) in enumerate(zip(judge(orders), rows)):
        if not report["ok"]:
            cases.check(f"WSS4J makes: {name}", False, report)
            continue
        base = folder / f"made-{number}"
        code, text = budkavle("as4", "open", "--headers", f"{base}.headers", "--body", f"{base}.body", *OPEN[:4], "--trust", known / "ca.crt", *OPEN[6:], *options, "--json")
        verdict = json.loads(text) if text.startswith("{") else {"outcome": text}
        if good:
            digests = [sha256(part["file"]) for part in more.get("parts", parts)]
            cases.check(f"from WSS4J, accepted: {name}", verdict["outcome"] == "accepted" and [p["sha256"] for p in verdict["payloads"]] == digests, verdict)
        else:
            cases.check(f"from WSS4J, refused: {name}", verdict["outcome"] == "refused" and verdict["code"] in ("EBMS:0103", "EBMS:0101", "EBMS:0102") and not verdict["deliver"], verdict)
