#!/usr/bin/env python3
"""The running federation against bad input, large messages and strangers. Talks to it with Python's own TLS, HTTP and XML."""
import base64
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import time
import uuid

from federation import Client, payload, running_demo
from support import BUDKAVLE, Tally

tally = Tally()
NORRBY, SODERBY, REGION = "0203:norrby.example.se", "0203:soderby.example.se", "0203:region-ost.example.se"


def high_water_mark(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    raise AssertionError(f"no VmHWM for {pid}")


def cause_of(answer):
    return json.dumps(answer.get("events", answer)) if answer else "no answer"


with running_demo() as federation:
    # --- the straight path, written and read by foreign code
    message_id, status, answer = federation.post(NORRBY, REGION, text="Hej **du**")
    tally.check("a message is taken", status == 202, f"{status} {answer}")
    final = federation.wait_final(NORRBY, message_id)
    tally.check("and ACCEPTED", final and final["status"] == "ACCEPTED", cause_of(final))
    entry = [m for m in federation.inbox(REGION) if m["messageId"] == message_id]
    tally.check("and stands once in the inbox", len(entry) == 1 and entry[0]["from"] == NORRBY and entry[0]["status"] == "NEW", str(entry))

    # --- the same messageId again: refused at the sender or answered duplicate, never delivered twice
    _, status, answer = federation.post(NORRBY, REGION, text="Hej igen", message_id=message_id)
    tally.check("row 6: a used messageId is refused at the sender", status in (400, 409), f"{status} {answer}")

    # --- what the sender is told at once (message.md 7.2)
    bad = {
        "row 19: wrong time": dict(created="2026-03-02T09:15:03+01:00"),
        "row 19: wrong UUID": dict(message_id="not-a-uuid-not-a-uuid-not-a-uuid-no"),
        "row 2: unknown element": dict(extra="<m:unknown/>"),
        "row 8: attachment type": dict(files=[("a.exe", "application/x-msdownload", base64.b64encode(b"MZ").decode())]),
        "K14: attachment is no base64": dict(files=[("a.pdf", "application/pdf", "A===")]),
    }
    for name, options in bad.items():
        _, status, answer = federation.post(NORRBY, REGION, **options)
        tally.check(f"{name} is refused with findings", status == 400 and answer.get("findings"), f"{status} {answer}")
    _, octets = payload(NORRBY, REGION, federation.function(NORRBY), federation.function(REGION))
    for name, body in {"DOCTYPE": b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + octets, "cut short": octets[:-20], "not XML": b"\x00\x01\x02", "empty": b""}.items():
        status, answer = federation.mt(NORRBY).json("POST", federation.path(NORRBY), body, {"Content-Type": "application/xml"})
        tally.check(f"XHE-01: {name} is refused", status == 400, f"{status} {answer}")

    # --- unknown receiver: final, the sender is told why
    _, octets = payload(NORRBY, "0203:finns-inte.example.se", federation.function(NORRBY), "sdk:inkorg:0203:finns-inte.example.se", message_id="11111111-2222-4333-8444-555555555555")
    status, answer = federation.mt(NORRBY).json("POST", federation.path(NORRBY), octets, {"Content-Type": "application/xml"})
    final = federation.wait_final(NORRBY, "11111111-2222-4333-8444-555555555555") if status == 202 else answer
    tally.check("an unknown receiver ends in a final error that says so", "not_registered" in cause_of(final), cause_of(final))

    # --- unknown function: REJECTED by the receiver (row 9), never in an inbox
    message_id, status, answer = federation.post(NORRBY, REGION, function="sdk:finns-inte:0203:region-ost.example.se")
    final = federation.wait_final(NORRBY, message_id)
    tally.check("row 9: an unknown function is REJECTED with not-found", final and final["status"] == "MESSAGE_EXCHANGE_ERROR" and "not-found" in cause_of(final), cause_of(final))
    tally.check("and never reaches an inbox", all(m["messageId"] != message_id for m in federation.inbox(REGION)), "")

    # --- separation: one participant's client certificate opens nothing of another's (AP-30, SEC-31)
    stranger = federation.mt(SODERBY)
    for path in (federation.path(NORRBY), federation.path(NORRBY, "/" + message_id), federation.path(NORRBY, "/" + message_id + "/content"), federation.path(NORRBY, "/" + message_id + "/trace")):
        status, _, body = stranger.request("GET", path)
        tally.check(f"SEC-31: {path} is closed to the neighbour in the same installation", status in (403, 404) and message_id.encode() not in body, str(status))
    status, _ = stranger.json("POST", federation.path(NORRBY), octets, {"Content-Type": "application/xml"})
    tally.check("SEC-31: nobody sends in another's name", status in (403, 404), str(status))

    # --- many at once, every pair
    pairs = [(NORRBY, REGION), (REGION, NORRBY), (NORRBY, SODERBY), (SODERBY, NORRBY), (SODERBY, REGION), (REGION, SODERBY)] * 5
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda pair: (pair, federation.post(*pair)), pairs))
    for (sender, recipient), (message_id, status, answer) in sent:
        final = federation.wait_final(sender, message_id, 90) if status == 202 else answer
        tally.check(f"{sender} to {recipient}", bool(final) and final.get("status") == "ACCEPTED", cause_of(final))
    for recipient in (NORRBY, SODERBY, REGION):
        wanted = sorted(message_id for (_, to), (message_id, _, _) in sent if to == recipient)
        got = sorted(m["messageId"] for m in federation.inbox(recipient) if m["messageId"] in set(wanted))
        tally.check(f"every message stands exactly once in the inbox of {recipient}", wanted == got, f"{len(wanted)} {len(got)}")

    # --- 20 MB of PDFs; memory of every process (MSG-03)
    files = [(f"bilaga{i}.pdf", "application/pdf", base64.b64encode(b"%PDF-1.4\n" + os.urandom(4_000_000)).decode()) for i in range(5)]
    message_id, status, answer = federation.post(NORRBY, REGION, files=files)
    final = federation.wait_final(NORRBY, message_id, 120) if status == 202 else answer
    tally.check("20 MB of attachments are ACCEPTED", final and final["status"] == "ACCEPTED", cause_of(final))
    status, _, content = federation.mt(REGION).request("GET", federation.path(REGION, f"/{message_id}/content"))
    received = re.findall(rb"<m:content>([^<]*)</m:content>", content)
    tally.check("and come out octet by octet", [f.decode() for f in received] == [f[2] for f in files], f"{status} {len(received)}")
    for process in federation.facts["processes"]:
        peak = high_water_mark(federation.pid(process["name"]))
        print(f"    peak memory of {process['name']}: {peak} MB")
        tally.check(f"peak memory of {process['name']}", peak < 150, f"{peak} MB")
    message_id, status, answer = federation.post(NORRBY, REGION, files=files + files[:3])
    tally.check("row 4: more than 30 MB is stopped at the sender", status in (400, 413), f"{status}")

    # --- canaries: content, subjects and file names in no log (SEC-03)
    canary = "kanariefagel" + uuid.uuid4().hex
    files = [(canary + ".pdf", "application/pdf", base64.b64encode(b"%PDF-1.4 " + canary.encode()).decode())]
    message_id, status, answer = federation.post(NORRBY, REGION, text=canary, files=files)
    federation.wait_final(NORRBY, message_id)
    found = subprocess.run(["grep", "-rl", "-e", canary, "-e", base64.b64encode(b"%PDF-1.4 " + canary.encode()).decode()[:40], str(federation.data)], capture_output=True, text=True)
    tally.check("SEC-03, SEC-43: no log and no file in clear holds the content", found.stdout == "", found.stdout)
    traced = subprocess.run([BUDKAVLE, "trace", message_id, "--data", str(federation.data), "--json"], capture_output=True)
    hops = json.loads(traced.stdout)["hops"]
    tally.check("SEC-13: the trace shows both message services and both access points", {hop["component"] for hop in hops} >= {"mt-kommun", "AP0001-SDK-DEMO", "mt-region", "AP0002-SDK-DEMO"}, str({hop["component"] for hop in hops}))

    # --- the receiving access point is away: kept, retried, delivered
    os.kill(federation.pid("ap2"), 19)  # SIGSTOP
    try:
        message_id, status, answer = federation.post(NORRBY, REGION, text="vänta")
        tally.check("a message to an access point that is away is taken", status == 202, f"{status} {answer}")
        time.sleep(3)
        waiting = federation.status(NORRBY, message_id)
        tally.check("and kept", waiting["status"] in ("SCHEDULED", "SUBMITTED", "SCHEDULED_FOR_RESEND"), str(waiting))
    finally:
        os.kill(federation.pid("ap2"), 18)  # SIGCONT
    final = federation.wait_final(NORRBY, message_id, 120)
    tally.check("and delivered when it is back", final and final["status"] == "ACCEPTED", cause_of(final))

tally.finish(at_least=60)
