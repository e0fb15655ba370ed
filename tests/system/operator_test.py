#!/usr/bin/env python3
"""An operator's day on the demo federation: search, explanation, evidence, resending, tests, reports, metrics. Foreign tools judge what comes out."""
import base64
import json
import os
import pathlib
import subprocess
import tempfile
import time
import uuid
import zipfile

from federation import Client, running_demo
from support import BUDKAVLE, Tally

tally = Tally()
NORRBY, SODERBY, REGION = "0203:norrby.example.se", "0203:soderby.example.se", "0203:region-ost.example.se"
CANARY = "kanariefagel" + uuid.uuid4().hex
outputs = []  # everything an operator was shown; searched for the canary at the end


def ap(*arguments, data, code=0, language="C"):
    done = subprocess.run([BUDKAVLE, "ap", *map(str, arguments), "--data", data], capture_output=True, timeout=120, env={**os.environ, "LC_ALL": language})
    outputs.append(done.stdout + done.stderr)
    tally.check(f"ap {' '.join(map(str, arguments))} exits {code}", done.returncode == code, f"{done.returncode} {done.stdout.decode()} {done.stderr.decode()}")
    return done.stdout.decode()


def ap_json(*arguments, data, code=0):
    return json.loads(ap(*arguments, "--json", data=data, code=code))


with running_demo() as federation, tempfile.TemporaryDirectory() as folder:
    data, folder = str(federation.data), pathlib.Path(folder)

    # --- one message with content that no operator may see
    files = [(CANARY + ".pdf", "application/pdf", base64.b64encode(b"%PDF-1.4 " + CANARY.encode()).decode())]
    message_id, status, answer = federation.post(NORRBY, REGION, text=CANARY, files=files)
    final = federation.wait_final(NORRBY, message_id)
    tally.check("the message is ACCEPTED", final and final["status"] == "ACCEPTED", str(final))

    # --- SEC-06: found by every id, on both sides
    sent = [m for m in ap_json("search", "--participant", NORRBY, data=data)["messages"] if m["kind"] == "outgoing" and m["recipient"] == REGION]
    tally.check("the sent message is found by its participant", len(sent) == 1 and sent[0]["state"] == "delivered", str(sent))
    one = sent[0]
    for name in ("as4MessageId", "xheId", "conversationId", "trace"):
        for side, kind in (("ap1", "outgoing"), ("ap2", "incoming")):
            found = [m for m in ap_json("search", "--id", one[name], "--ap", side, data=data)["messages"] if m["kind"] == kind and m["as4MessageId"] == one["as4MessageId"]]
            tally.check(f"SEC-06, SEC-13: {side} finds it by {name}", len(found) == 1, str(found))
    shown = ap_json("show", one["as4MessageId"], data=data)["messages"][0]
    events = [e["event"] for e in shown["events"]]
    tally.check("its events are shown in order", events[0] == "as4.queued" and events[-1] == "as4.delivered", str(events))
    tally.check("people read it in Swedish too", "motpart" in ap("show", one["as4MessageId"], data=data, language="sv_SE.UTF-8"))
    pages = ap_json("search", "--limit", 1, "--all", data=data)["messages"]
    tally.check("paging finds the same as one page", len(pages) == len(ap_json("search", "--limit", 500, data=data)["messages"]), str(len(pages)))

    # --- SEC-05: evidence of both sides, verified offline by this program and by others
    anchor = federation.facts["trust"]["as4"]
    for side in ("ap1", "ap2"):
        package = folder / f"{side}.zip"
        ap("evidence", one["as4MessageId"], "--out", package, "--ap", side, data=data)
        done = subprocess.run([BUDKAVLE, "as4", "receipt", "--package", str(package), "--trust", anchor, "--json"], capture_output=True)
        outputs.append(done.stdout)
        tally.check(f"{side}: the package proves the exchange", done.returncode == 0 and json.loads(done.stdout)["outcome"] == "accepted", done.stdout.decode() + done.stderr.decode())
        done = subprocess.run([BUDKAVLE, "as4", "receipt", "--package", str(package), "--trust", federation.facts["trust"]["tls"]], capture_output=True)
        tally.check(f"{side}: and nothing under other anchors", done.returncode == 1, done.stdout.decode())
        octets = bytearray(package.read_bytes())
        for at in range(0, len(octets), len(octets) // 25):
            octets[at] ^= 1
            (folder / "changed.zip").write_bytes(octets)
            octets[at] ^= 1
            done = subprocess.run([BUDKAVLE, "as4", "receipt", "--package", str(folder / "changed.zip"), "--trust", anchor], capture_output=True)
            tally.check(f"{side}: a changed octet at {at} is found", done.returncode == 1, done.stdout.decode())
        with zipfile.ZipFile(package) as archive:
            outputs.extend(archive.read(name) for name in archive.namelist())
            archive.extractall(folder / side)
        pub = subprocess.run(["openssl", "x509", "-in", str(folder / side / "certificates/signer.pem"), "-noout", "-pubkey"], capture_output=True, check=True).stdout
        (folder / "signer.pub").write_bytes(pub)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", str(folder / "signer.pub"), "-signature", str(folder / side / "manifest.sig"), str(folder / side / "manifest.json")], capture_output=True)
        tally.check(f"{side}: openssl verifies the manifest", done.returncode == 0, done.stderr.decode())
        done = subprocess.run(["xmlsec1", "--verify", "--id-attr:Id", "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/:Messaging", "--id-attr:Id", "http://www.w3.org/2003/05/soap-envelope:Body",
                               "--pubkey-cert-pem", str(folder / side / "certificates/receipt-signer.pem"), str(folder / side / "answer.xml")], capture_output=True)
        tally.check(f"{side}: xmlsec1 verifies the receipt", done.returncode == 0, done.stderr.decode())

    # --- a connection test that works, and one that does not
    verdict = ap_json("test", REGION, data=data)
    tally.check("the peer is reached, step by step", [s["step"] for s in verdict["steps"]][-1] == "ping" and verdict["reachable"] and len(verdict["steps"]) >= 7, str(verdict))
    verdict = ap_json("test", "0203:finns-inte.example.se", data=data, code=1)
    tally.check("an unknown participant fails at DNS, with a remedy", verdict["steps"][-1]["step"] == "dns" and verdict["steps"][-1]["remedy"], str(verdict))
    for command, key in (("ping", "outcome"), ("connection-test", "reachable")):
        done = subprocess.run([BUDKAVLE, "as4", command, REGION, "--data", data, "--json"], capture_output=True)
        tally.check(f"as4 {command} reaches it without the running access point", done.returncode == 0 and json.loads(done.stdout)[key] in ("accepted", True), done.stdout.decode() + done.stderr.decode())

    # --- a message that fails, is explained, and is sent again with a reason
    payload, envelope, envelope_id = folder / "payload.xml", folder / "envelope.xml", str(uuid.uuid4())
    payload.write_text(f"<a xmlns='urn:example:document'>{CANARY}</a>")
    norrby = federation.participants[NORRBY]
    subprocess.run([BUDKAVLE, "xhe", "seal", "--payload", payload, "--from", NORRBY, "--to", "0203:finns-inte.example.se", "--key", norrby["o2o"]["key"], "--cert", norrby["o2o"]["cert"],
                    "--to-cert", federation.participants[REGION]["o2o"]["cert"], "--id", envelope_id, "--federation", federation.facts["federationId"], "--out", envelope], check=True, capture_output=True)
    access_point, service = federation.facts["accessPoints"][0], federation.facts["messageServices"][norrby["messageServiceName"]]
    interface_c = Client(access_point["interfaceC"], service["cert"], service["key"], federation.facts["trust"]["tls"])
    status, answer = interface_c.json("POST", "/c/v1/participants/0203%3Anorrby.example.se/outbox", envelope.read_bytes(), {"Content-Type": "application/xml", "Idempotency-Key": envelope_id + ":0"})
    tally.check("interface C takes the envelope", status == 202, f"{status} {answer}")
    failed, deadline = [], time.monotonic() + 60
    while not failed and time.monotonic() < deadline:
        time.sleep(0.5)
        failed = ap_json("search", "--state", "failed", data=data)["messages"]
    tally.check("the failure says why", len(failed) == 1 and failed[0]["cause"]["code"] == "smp.not_registered", str(failed))
    ap("resend", failed[0]["as4MessageId"], "--reason", "x", data=data, code=1)
    again = ap_json("resend", failed[0]["as4MessageId"], "--reason", "mottagaren borde vara registrerad nu", data=data)
    tally.check("it is a new AS4 message", again["as4MessageId"] != failed[0]["as4MessageId"], str(again))
    both = ap_json("search", "--id", envelope_id, data=data)["messages"]
    tally.check("both carry the same envelope", {m["as4MessageId"] for m in both} == {again["as4MessageId"], failed[0]["as4MessageId"]}, str(both))
    ap("resend", one["as4MessageId"], "--reason", "en gång till", data=data, code=1)

    # --- refused connections and messages, non-conformity
    stranger = Client(access_point["url"], access_point["tlsCert"], access_point["tlsKey"], federation.facts["trust"]["tls"])
    stranger.request("POST", "/as4", CANARY.encode(), {"Content-Type": "text/plain"})
    refused = ap_json("refused", data=data)["messages"]
    tally.check("what was refused is found", any(m["cause"]["code"] == "as4.content_type" for m in refused), str(refused))
    ap("refused", refused[0]["refusedId"], data=data)
    ap("report", "--open", data=data)

    # --- health, certificates, metrics read by a foreign parser
    health = ap_json("health", data=data)
    tally.check("the access point is ready", health["ready"], str(health))
    certificates = ap_json("certificates", data=data)["certificates"]
    tally.check("SEC-120: certificates with days left", any(c["use"] == "as4" and c["daysLeft"] > 300 for c in certificates), str(certificates))
    metrics = ap("metrics", data=data)
    (folder / "metrics").write_text(metrics)
    done = subprocess.run(["/usr/bin/python3", "-c", "import sys; from prometheus_client.parser import text_string_to_metric_families as p; f={m.name: m for m in p(open(sys.argv[1]).read())}; "
                           "assert any(s.labels=={'direction': 'out', 'event': 'as4.delivered'} and s.value>=1 for s in f['budkavle_ap_events'].samples)", str(folder / "metrics")], capture_output=True)
    tally.check("Prometheus' own parser reads the metrics", done.returncode == 0, done.stderr.decode())

    report = ap_json("statistics", data=data)
    row = [r for r in report["rows"] if r["participant"] == NORRBY]
    tally.check("SEC-111: the day's report counts", any(r["delivered"] >= 1 for r in row) and report["refused"].get("as4.content_type", 0) >= 1, str(report))

    # --- SEC-51: nobody else gets in; SEC-10: everything is in the audit log
    outsider = Client(access_point["interfaceO"], access_point["tlsCert"], access_point["tlsKey"], federation.facts["trust"]["tls"])
    for path in ("health", "messages", "metrics", f"messages/{one['as4MessageId']}/evidence"):
        status, _, body = outsider.request("GET", "/o/v1/" + path)
        tally.check(f"SEC-51: {path} is closed to others", status == 403, f"{status} {body}")
    audit = (federation.data / "ap1" / "log" / "audit.jsonl").read_text()
    for event in ("operator.search", "operator.evidence", "operator.resend", "operator.connection_test", "operator.refused", "access.denied"):
        tally.check(f"SEC-10: {event} is in the audit log", event in audit)

    # --- AP-35, SEC-03: nothing that an operator saw, and nothing that was written down, holds content
    forms = (CANARY.encode(), base64.b64encode(b"%PDF-1.4 " + CANARY.encode())[:40])
    tally.check("AP-35: no operator saw content", not any(form in output for output in outputs for form in forms))
    found = subprocess.run(["grep", "-rl", "-e", CANARY, "-e", forms[1].decode(), data], capture_output=True, text=True)
    tally.check("SEC-03: no file in clear holds content", found.stdout == "", found.stdout)

tally.finish(at_least=90)
