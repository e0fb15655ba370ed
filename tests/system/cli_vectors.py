#!/usr/bin/env python3
"""Every vector through the command line: messages, receipts, envelopes, AS4, SMP, requests for certificates, OCSP."""
import csv
import json
import pathlib
import re
import tempfile

from support import VECTORS, Tally, run, run_json

tally = Tally()
AT = "2026-11-23T00:00:00Z"


def rows(name):
    with open(VECTORS / "sdk-vectors" / name, encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def judge(row, code, answer):
    name = row["name"]
    if row["valid"] != "either":
        tally.check(name, answer["valid"] == (row["valid"] == "yes") and code == (0 if row["valid"] == "yes" else 1), f"valid={answer['valid']} exit={code}")
    tally.check(name, answer["answer"] in row["answer"].split("|"), f"answer {answer['answer']}, expected {row['answer']}")
    if row["answer"] == "REJECTED" and answer["answer"] == "REJECTED":
        wanted = [(row["cause"], detail) for detail in row["detail"].split("|")] if row["cause"] else []
        causes = [(finding.get("cause"), (finding.get("detail") or "").lower()) for finding in answer["findings"]]
        if row["cause"]:
            tally.check(name, any(cause in row["cause"].split("|") and (detail in row["detail"].split("|")) for cause, detail in causes), f"findings {causes}, expected {wanted}")


def messages_and_receipts():
    for kind in ("message", "receipt"):
        for row in rows(f"{kind}.tsv"):
            code, answer = run_json("check", "--kind", kind, VECTORS / "sdk-vectors" / row["file"])
            judge(row, code, answer)


def envelopes():
    keys = VECTORS / "sdk-vectors" / "keys"
    options = {
        "trust": ["--trust", keys / "ca.crt", "--crl", keys / "ca.crl.pem"],
        "signer": ["--signer", keys / "snd.crt"],
        "key": ["--key", keys / "rcv.key", "--cert", keys / "rcv.crt", "--key", keys / "rcv-old.key", "--cert", keys / "rcv-old.crt"],
    }
    for row in rows("xhe.tsv"):
        extra = [argument for option in row["options"].split(",") if option for argument in options[option]]
        code, answer = run_json("check", "--kind", "xhe", "--at", AT, *extra, VECTORS / "sdk-vectors" / row["file"])
        judge(row, code, answer)


def as4_context():
    keys = VECTORS / "as4-vectors" / "keys"
    return ["--trust", keys / "ca.crt", "--crl", keys / "ca.crl.pem", "--at", AT]


def as4_index():
    with open(VECTORS / "as4-vectors" / "INDEX.tsv", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def as4():
    folder = VECTORS / "as4-vectors"
    keys = folder / "keys"
    payload = [column for column in as4_index()[0] if column.startswith("payload")][0]
    for row in as4_index():
        name, expected = row["name"], row["expected"]
        files = ["--headers", folder / f"{name}.headers", "--body", folder / f"{name}.body"]
        if name.startswith(("pos-", "neg-")):
            with tempfile.TemporaryDirectory() as out:
                code, answer = run_json("as4", "open", *files, "--key", keys / "ap-b.key", "--cert", keys / "ap-b.crt", *as4_context(), "--out", out)
                written = list(pathlib.Path(out).iterdir())
                if name.startswith("pos-"):
                    good = code == 0 and answer["outcome"] == "accepted" and answer["messageId"] == row["messageId"]
                    wanted = sorted(row[payload].split()) if row[payload] else []
                    got = sorted(f"{p['cid']}={p['bytes']}:{p['sha256']}" for p in answer["payloads"])
                    tally.check(name, good, json.dumps(answer))
                    if wanted:
                        tally.check(name, got == wanted, f"{got} != {wanted}")
                    tally.check(name, answer["deliver"] == ("ping" not in name), "deliver")
                else:
                    codes = re.findall(r"EBMS:(\d{4})", expected.replace("/0", "/EBMS:0").replace("or 0", "or EBMS:0"))
                    good = code == 1 and answer["outcome"] == "refused" and not answer.get("deliver") and not written
                    tally.check(name, good, json.dumps(answer))
                    if codes and answer.get("code"):
                        tally.check(name, answer["code"][-4:] in codes, f"{answer['code']} not in {codes} ({expected})")
        else:
            code, answer = run_json("as4", "receipt", "--request", folder / "pos-01-phase4-bst.body", "--request-headers", folder / "pos-01-phase4-bst.headers",
                                    "--answer", folder / f"{name}.body", "--answer-headers", folder / f"{name}.headers",
                                    "--trust", keys / "ca.crt", "--at", AT)
            if name == "rcpt-01-valid":
                tally.check(name, code == 0 and answer["outcome"] == "accepted", json.dumps(answer))
            else:
                tally.check(name, code == 1 and answer["outcome"] in ("refused", "error"), json.dumps(answer))
                if "no retry" in expected:
                    tally.check(name, answer["retry"] is False, json.dumps(answer))
                if name.startswith("rcpt-"):
                    tally.check(name, answer["code"] in ("EBMS:0302", "EBMS:0101"), json.dumps(answer))


def smp():
    folder = VECTORS / "smp-vectors"
    pki = folder / "pki"
    expectations = json.loads((folder / "expectations.json").read_text())
    message = "urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base-ext-sigenc"
    receipt = ("urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse##fdc:digg.se:edelivery:"
               "messagetype:response:1::2.1::tm-base-ext-sigenc")
    decisions = {"accept": "accept", "reject": "reject", "no-endpoint": "no-endpoint", "accept-redirect": "redirect", "reject-later": "reject"}
    for name, wanted in expectations["files"].items():
        if "servicegroup" in name:
            continue  # unsigned: read by the unit tests of smp
        document = receipt if "ack" in name else message.replace("tm-base-ext-sigenc", "tm-base") if "base-nocertpub" in name else message
        code, answer = run_json("smp", "verify", "--trust", pki / "rot-smp.pem", "--participant", "0203:digg-test1.example.se", "--document", document,
                                "--transport-profile", "digg-transport-as4-v1_0", "--ap-trust", pki / "ca-ap.pem", "--crl", pki / "apca.crl", "--at", AT, folder / "xml" / name)
        tally.check(name, answer["decision"] == decisions[wanted["decision"]], f"{json.dumps(answer)} expected {wanted}")
        tally.check(name, code == (0 if answer["decision"] == "accept" else 1), f"exit {code}")
        if wanted["decision"] in ("reject", "no-endpoint", "reject-later"):
            tally.check(name, answer["class"] == wanted["class"], f"class {answer['class']} expected {wanted['class']}")


def names():
    folder = VECTORS / "smp-vectors"
    for vector in json.loads((folder / "bdxl-hash-vectors.json").read_text())["vectors"]:
        urn = vector["value"].startswith("urn:")
        if vector["kind"] not in ("bdxl16", "bdxl16-label") or not (urn or vector["scheme"]):
            continue  # other networks' naming: retired MD5, DBNA, identifiers without a scheme
        identifier = vector["value"] if urn else f"{vector['scheme']}::{vector['value']}"
        done = run("smp", "name", identifier, "--zone", vector.get("zone", "example.org"))
        name = done.stdout.decode().strip()
        expected = vector["expected"] if "zone" in vector else vector["expected"] + ("" if urn else f".{vector['scheme']}") + ".example.org"
        tally.check(f"name {identifier}", name.lower() == expected.lower(), f"{name} expected {expected}")
    for vector in json.loads((folder / "smp-url-vectors.json").read_text())["urls"]:
        arguments = ["::".join(vector["participant"])] + (["::".join(vector["document"])] if "document" in vector else [])
        done = run("smp", "url", *arguments)
        tally.check(f"url {vector['path']}", done.stdout.decode().strip() == vector["path"], done.stdout.decode())
    for vector in json.loads((folder / "naptr-vectors.json").read_text())["naptr"]:
        records = vector["rr"] if isinstance(vector["rr"], list) else [vector["rr"]]
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(records) + "\n")
            file.flush()
            done = run("smp", "naptr", file.name)
        expected = vector["expect"].split(" ")[0]
        text = done.stdout.decode().strip()
        if expected.startswith("https://"):
            tally.check(f"naptr {records[0]}", done.returncode == 0 and expected in text.split(), text)
        elif expected == "non-terminal:":
            tally.check(f"naptr {records[0]}", done.returncode == 1 and "other.example.se" in text, text)
        else:
            tally.check(f"naptr {records[0]}", done.returncode == 1, text)


def pki():
    for file in sorted((VECTORS / "smp-vectors" / "csr").iterdir()):
        code, answer = run_json("pki", "check", file)
        prefix = file.name.split("-")[0]
        issuable = prefix in ("ok", "drop", "ignore")
        tally.check(file.name, (answer["verdict"] == "issuable") == issuable and code == (0 if issuable else 1), json.dumps(answer))
        tally.check(file.name, answer["alarm"] == (prefix == "alarm"), json.dumps(answer))
    expected = {"req-nonce-1": "successful", "req-nonce-32": "successful", "req-nonce-129": "malformedRequest", "req-nonce-4096": "malformedRequest",
                "req-70k-garbage": "malformedRequest", "req-sha256-nononce": "successful", "req-two-certs": "successful"}
    for name, status in expected.items():
        code, answer = run_json("pki", "ocsp-check", VECTORS / "smp-vectors" / "ocsp" / f"{name}.der")
        tally.check(name, answer["responseStatus"] == status and code == (0 if status == "successful" else 1), json.dumps(answer))


if __name__ == "__main__":
    for part in (messages_and_receipts, envelopes, as4, smp, names, pki):
        print(f"--- {part.__name__.replace('_', ' ')}")
        part()
    tally.finish(at_least=600)
