#!/usr/bin/env python3
"""`budkavle demo --check --evidence DIR`, and what foreign tools say about the evidence."""
import json
import pathlib
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree

from support import Tally, run

tally = Tally()


def verified_by_xmlsec1(file, anchors):
    command = ["xmlsec1", "--verify", "--enabled-reference-uris", "empty", "--enabled-key-data", "x509", *[part for anchor in anchors for part in ("--trusted-pem", str(anchor))], str(file)]
    done = subprocess.run(command, capture_output=True)
    return done.returncode == 0, done.stderr.decode()


with tempfile.TemporaryDirectory() as folder:
    evidence = pathlib.Path(folder) / "evidence"
    started = time.monotonic()
    done = run("demo", "--check", "--data", pathlib.Path(folder) / "data", "--evidence", evidence, "--json", timeout=300)
    print(f"demo --check took {time.monotonic() - started:.1f} s")
    tally.check("exit code", done.returncode == 0, done.stdout.decode() + done.stderr.decode())
    result = json.loads(done.stdout)
    tally.check("ok", result["ok"], json.dumps(result))
    for step in result["steps"]:
        tally.check(step["name"], step["ok"], json.dumps(step))
    asked = [step for step in result["steps"] if step["name"].startswith("administration API")]
    tally.check("the administration API answers from the registers of the demo", len(asked) == 1 and asked[0]["evidence"] == "2 participants", str(asked))

    exchanges = sorted(path for path in evidence.iterdir() if path.is_dir() and (path / "exchange.json").exists())
    tally.check("three exchanges: both directions, and two participants of one access point", len(exchanges) == 3, str(exchanges))
    for exchange in exchanges:
        facts = json.loads((exchange / "exchange.json").read_text())
        for leg in ("message", "receipt"):
            for name in (f"{leg}.as4-request.body", f"{leg}.as4-request.headers", f"{leg}.as4-answer.body", f"{leg}.as4-answer.headers", f"{leg}.xhe.xml", f"{leg}.smp-metadata.xml"):
                tally.check(f"{exchange.name}/{name}", (exchange / name).stat().st_size > 0 if (exchange / name).exists() else False, "missing or empty")
            ok, text = verified_by_xmlsec1(exchange / f"{leg}.xhe.xml", sorted((evidence / "trust").glob("o2o*.pem")))
            tally.check(f"{exchange.name}: xmlsec1 verifies the {leg}'s envelope", ok, text)
            ok, text = verified_by_xmlsec1(exchange / f"{leg}.smp-metadata.xml", sorted((evidence / "trust").glob("smp*.pem")))
            tally.check(f"{exchange.name}: xmlsec1 verifies the metadata used for the {leg}", ok, text)
            root = ElementTree.parse(exchange / f"{leg}.xhe.xml").getroot()
            ids = [element.text for element in root.iter("{http://docs.oasis-open.org/bdxr/ns/XHE/1/BasicComponents}ID")]
            tally.check(f"{exchange.name}: {leg} goes between the right parties", ids[1:] == ([facts["from"], facts["to"]] if leg == "message" else [facts["to"], facts["from"]]), str(ids))
            # The answer is evidence for the request, re-verified offline.
            done = run("as4", "receipt", "--request", exchange / f"{leg}.as4-request.body", "--request-headers", exchange / f"{leg}.as4-request.headers",
                       "--answer", exchange / f"{leg}.as4-answer.body", "--answer-headers", exchange / f"{leg}.as4-answer.headers", "--trust", evidence / "trust" / "as4.pem", "--json")
            tally.check(f"{exchange.name}: the transport receipt proves the {leg}", done.returncode == 0 and json.loads(done.stdout)["outcome"] == "accepted", done.stdout.decode())
        sent = (exchange / "sent.pdf").read_bytes()
        tally.check(f"{exchange.name}: the attachment came through octet by octet", sent == (exchange / "received.pdf").read_bytes() and sent.startswith(b"%PDF"), "")
        text = subprocess.run(["pdftotext", str(exchange / "received.pdf"), "-"], capture_output=True, text=True)
        tally.check(f"{exchange.name}: the attachment is a PDF that others can read", text.returncode == 0 and "Budkavle" in text.stdout, text.stderr)

tally.finish(at_least=50)
