"""Both directions through the whole chain: phase4 → access point → message service, and back."""
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess
import time
import uuid

import peer as foreign
from federation import payload
from support import BUDKAVLE

NORRBY, REGION = "0203:norrby.example.se", "0203:region-ost.example.se"
ACTION = "busdox-docid-qns::urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base-ext-sigenc"
TEST_SERVICE = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/service"
TEST_ACTION = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/test"
ROLE_V12 = "urn:fdc:digg.se:edelivery:transportprofile:as4:role:ap"
TYPE_V12 = "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:participant"


class Chain:
    """A running federation with the foreign access point in it."""

    def __init__(self, federation, folder, cases):
        self.federation, self.folder, self.cases = federation, folder, cases
        self.port = foreign.free_port()
        self.facts, self.settings = foreign.join(federation, folder / "peer", self.port)
        self.access_points = {one["name"]: one for one in federation.facts["accessPoints"]}
        self.peer = None
        self.start_peer()
        foreign.wait_for_demo(federation)

    def start_peer(self, heap="256m"):
        self.peer = foreign.Peer(self.folder / "peer", self.settings, hosts=[f"{name}.{self.federation.facts['zone']}" for name in self.access_points], heap=heap)

    def access_point_of(self, participant):
        return self.access_points[self.federation.participants[participant]["accessPoint"]]

    def envelope(self, recipient, message_id=None, **options):
        """A sealed envelope from the peer's participant. Returns messageId and file."""
        message_id, octets = payload(foreign.PARTICIPANT, recipient, foreign.FUNCTION, self.federation.function(recipient), message_id=message_id, **options)
        clear, sealed = self.folder / f"{message_id}.xml", self.folder / f"{message_id}.xhe"
        clear.write_bytes(octets)
        foreign.budkavle("xhe", "seal", "--payload", clear, "--from", foreign.PARTICIPANT, "--to", recipient, "--function", self.federation.function(recipient),
                         "--key", self.facts["o2o"]["key"], "--cert", self.facts["o2o"]["cert"], "--to-cert", self.federation.participants[recipient]["o2o"]["cert"],
                         "--id", message_id, "--out", sealed)
        return message_id, sealed

    def order(self, file, recipient=NORRBY, properties=("", ""), **more):
        """An order to phase4: the message of the SDK's reference P-Mode."""
        to = self.access_point_of(NORRBY)
        part = {"file": str(file), "cid": "message", "mimeType": "text/xml", "compress": more.pop("compress", True), "charset": "utf-8"}
        typed = lambda name, value, kind: {"name": name, "value": value, **({"type": kind} if kind else {})}
        return {"url": to["url"], "toCert": to["cert"], "from": foreign.PARTY, "to": to["id"], "action": ACTION, "parts": [part],
                "properties": [typed("originalSender", foreign.PARTICIPANT, properties[0]), typed("finalRecipient", recipient, properties[1])], **more}

    def events(self, message_id, name="ap1"):
        """The transfer log of an access point about one envelope."""
        lines = (self.federation.data / name / "log" / "transfer.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if message_id in (event.get("xheId"), event.get("as4MessageId"))]

    def wait_event(self, message_id, *names, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [event for event in self.events(message_id) if event["event"] in names]
            if found:
                return found[-1]
            time.sleep(0.3)
        return {"event": "none", "cause": f"nothing of {names} in {seconds} s: {[e['event'] for e in self.events(message_id)]}"}

    def in_inbox(self, message_id, participant=NORRBY, seconds=20):
        deadline = time.monotonic() + seconds
        while True:
            found = [one for one in self.federation.inbox(participant) if one["messageId"] == message_id]
            if found or time.monotonic() > deadline:
                return len(found)
            time.sleep(0.3)

    def replay(self, base, chunked=False, url=None):
        """The very octets again, by Python's TLS with the peer's certificate. Returns status, type, octets."""
        body = pathlib.Path(base + ".body").read_bytes()
        kind = pathlib.Path(base + ".headers").read_text().splitlines()[0].split(": ", 1)[1]
        context = ssl.create_default_context(cafile=self.federation.facts["trust"]["tls"])
        context.load_cert_chain(self.settings["tls.cert"], self.settings["tls.key"])
        to = self.access_point_of(NORRBY)["url"].split("/")[2].split(":")
        connection = http.client.HTTPSConnection("127.0.0.1", int(to[1]), context=context, timeout=120)
        import socket
        connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", int(to[1])), timeout=120), server_hostname=to[0])
        try:
            pieces = (body[at:at + 8192] for at in range(0, len(body), 8192))
            headers = {"Content-Type": kind, **({"Transfer-Encoding": "chunked"} if chunked else {})}
            connection.request("POST", "/as4", pieces if chunked else body, headers, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()
        finally:
            connection.close()

    def proves(self, request, answer, certificate):
        """`budkavle as4 receipt` about a request and an answer, given as paths without ending."""
        done = subprocess.run([BUDKAVLE, "as4", "receipt", "--request", f"{request}.body", "--request-headers", f"{request}.headers", "--answer", f"{answer}.answer",
                               "--answer-headers", f"{answer}.answer.headers", "--trust", self.federation.facts["trust"]["as4"], "--peer", certificate, "--json"],
                              capture_output=True, text=True)
        return json.loads(done.stdout) if done.stdout else {"outcome": done.stderr}


def good(report):
    """What phase4 must say of a message that was taken: a signed receipt whose digests are those it sent."""
    return report.get("result") == "SUCCESS" and report.get("receipt") == "matches" and report.get("signed") is True and report.get("status") == 200


def refused_with(report, code, detail=None):
    errors = report.get("errors") or []
    return (report.get("result") == "AS4_ERROR_MESSAGE_RECEIVED" and len(errors) == 1 and errors[0]["code"] == code and errors[0]["severity"] == "failure"
            and (detail is None or errors[0]["detail"] == detail) and report.get("signed") is True)


def plain_in(chain):
    check = chain.cases.check
    message_id, sealed = chain.envelope(NORRBY, text="Hej från grannen")
    report = chain.peer.ask("/send", chain.order(sealed))
    check("in: plain SDK message, phase4 finds its digests in our signed receipt", good(report) and "CN=AP0001-SDK-DEMO" in report["signer"], report)
    check("in: delivered to the message service once", chain.in_inbox(message_id) == 1)
    proof = chain.proves(report["base"], report["base"], chain.access_point_of(NORRBY)["cert"])
    check("in: the receipt proves the request, judged offline", proof["outcome"] == "accepted", proof)
    back = chain.peer.wait_received(action="busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse"
                                           "##fdc:digg.se:edelivery:messagetype:response:1::2.1::tm-base-ext-sigenc")
    check("in: the message receipt comes back through phase4, signed and encrypted", len(back) == 1 and back[0]["signed"] and back[0]["encrypted"], back)
    if back:
        opened = chain.folder / "receipt.xml"
        done = subprocess.run([BUDKAVLE, "xhe", "open", back[0]["parts"][0]["file"], "--trust", chain.federation.facts["trust"]["o2o"], "--key", chain.facts["o2o"]["key"],
                               "--cert", chain.facts["o2o"]["cert"], "--out", str(opened)], capture_output=True, text=True)
        text = opened.read_text() if opened.exists() else ""
        check("in: it says ACCEPTED about this message", message_id in text and ">ACCEPTED<" in text, f"{done.stderr} {text[:2000]}")
    return report, message_id


def duplicates_in(chain, report, message_id):
    check = chain.cases.check
    first = pathlib.Path(report["base"] + ".answer").read_bytes()
    status, _, again = chain.replay(report["base"])
    check("in: identical octets again get the stored receipt octets (TA10)", status == 200 and again == first, f"{status} {len(again)}")
    status, _, again = chain.replay(report["base"], chunked=True)
    check("in: and chunked", status == 200 and again == first, f"{status} {len(again)}")
    rebuilt = chain.peer.ask("/send", chain.order(chain.folder / f"{message_id}.xhe", messageId=report["messageId"]))
    check("in: rebuilt under the same MessageId, a receipt for its own digests (TA10)", good(rebuilt) and rebuilt["signal"] != report["signal"], rebuilt)
    check("in: three copies, one message in the inbox", chain.in_inbox(message_id) == 1)


def errors_in(chain):
    check, ask = chain.cases.check, chain.peer.ask
    _, elsewhere = chain.envelope(REGION)
    report = ask("/send", chain.order(elsewhere, recipient=REGION))
    check("in: AP-4.6 a participant of another access point is NOT_SERVICED", refused_with(report, "EBMS:0004", "NOT_SERVICED"), report)
    broken = chain.folder / "broken.xml"
    broken.write_text('<?xml version="1.0" encoding="UTF-8"?>\n<kuvert/>\n')
    report = ask("/send", chain.order(broken))
    check("in: AP-4.7 no envelope is XHE_NOT_CONFORMANT", refused_with(report, "EBMS:0004", "XHE_NOT_CONFORMANT"), report)
    _, sealed = chain.envelope(NORRBY)
    stranger = chain.folder / "stranger"
    stranger.mkdir()
    foreign.openssl("req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", stranger / "as4.key", "-out", stranger / "as4.crt", "-days", "30", "-subj", f"/C=SE/O=Granne/CN={foreign.PARTY}")
    report = ask("/send", chain.order(sealed, key=str(stranger / "as4.key"), cert=str(stranger / "as4.crt")))
    check("in: AP-14 a certificate of the right name from nowhere is EBMS:0101", refused_with(report, "EBMS:0101"), report)
    for what in ("signature", "property"):
        report = ask("/send", chain.order(sealed, tamper=what))
        check(f"in: {what} changed after signing is EBMS:0101", refused_with(report, "EBMS:0101"), report)
    report = ask("/send", {**chain.order(sealed), "toCert": chain.access_points["ap2"]["cert"]})
    check("in: encrypted for another access point is EBMS:0102", refused_with(report, "EBMS:0102"), report)
    report = ask("/send", chain.order(sealed, encrypt=False))
    check("in: AP-20 signed but not encrypted is EBMS:0103", refused_with(report, "EBMS:0103"), report)
    report = ask("/send", {**chain.order(sealed), "from": "AP0002-SDK-DEMO"})
    check("in: AP-04 another From PartyId than the signer's is EBMS:0101", refused_with(report, "EBMS:0101"), report)
    message_id, one = chain.envelope(NORRBY)
    first = ask("/send", chain.order(one))
    _, other = chain.envelope(NORRBY)
    report = ask("/send", chain.order(other, messageId=first["messageId"]))
    check("in: a known MessageId with other content is refused, without anybody's receipt", good(first) and refused_with(report, "EBMS:0003"), report)


def variants_in(chain):
    check, ask = chain.cases.check, chain.peer.ask
    message_id, sealed = chain.envelope(NORRBY)
    report = ask("/send", chain.order(sealed, compress=False))
    check("in: XML part without compression, digest over its canonical form", good(report) and chain.in_inbox(message_id) == 1, report)
    message_id, sealed = chain.envelope(NORRBY)
    report = ask("/send", chain.order(sealed, fromRole=ROLE_V12, toRole=ROLE_V12, properties=(TYPE_V12, TYPE_V12)))
    check("in: AP-02 roles and property types of v1_2", good(report) and chain.in_inbox(message_id) == 1, report)
    message_id, sealed = chain.envelope(NORRBY)
    report = ask("/send", chain.order(sealed, properties=("iso6523-actorid-upis",) * 2))
    check("in: AP-02 property type iso6523-actorid-upis", good(report) and chain.in_inbox(message_id) == 1, report)
    before = len(chain.federation.inbox(NORRBY))
    ping = {**chain.order(sealed), "service": TEST_SERVICE, "serviceType": "", "action": TEST_ACTION}
    report = ask("/send", {**ping, "parts": []})
    check("in: test service without payload (TA16)", good(report), report)
    report = ask("/send", ping)
    check("in: test service with payload, never delivered (TA17)", good(report) and len(chain.federation.inbox(NORRBY)) == before, report)


def plain_out(chain):
    check = chain.cases.check
    message_id, status, answer = chain.federation.post(NORRBY, foreign.PARTICIPANT, function=foreign.FUNCTION, text="Hej grannen")
    event = chain.wait_event(message_id, "as4.delivered", "as4.failed")
    check("out: plain SDK message, phase4's receipt is evidence", status == 202 and event["event"] == "as4.delivered" and event["attempt"] == 1, f"{status} {answer} {event}")
    got = chain.peer.received(conversationId=message_id)
    check("out: phase4 got it signed by us and encrypted", len(got) == 1 and got[0]["signed"] and got[0]["encrypted"] and "CN=AP0001-SDK-DEMO" in got[0]["signer"], got)
    if got:
        one = got[0]
        check("out: header as the SDK P-Mode wants it", one["properties"] == {"originalSender": NORRBY, "finalRecipient": foreign.PARTICIPANT} and one["fromRole"].endswith("/initiator")
              and one["toRole"].endswith("/responder") and one["service"] == "bdx:noprocess" and one["action"] == ACTION and [(p["cid"], p["mimeType"]) for p in one["parts"]] == [("message", "text/xml")], one)
        opened = chain.folder / "opened.xml"
        subprocess.run([BUDKAVLE, "xhe", "open", one["parts"][0]["file"], "--trust", chain.federation.facts["trust"]["o2o"], "--key", chain.facts["o2o"]["key"],
                        "--cert", chain.facts["o2o"]["cert"], "--out", str(opened)], capture_output=True)
        check("out: and the participant reads it", opened.exists() and "Hej grannen" in opened.read_text() and message_id in opened.read_text())
    base = chain.peer.wires()[-1]
    proof = chain.proves(base, base, chain.settings["as4.cert"])
    check("out: phase4's receipt proves our request, judged offline", proof["outcome"] == "accepted", proof)


def misbehaving_out(chain, smoke=False):
    """What a peer can answer besides a receipt, and what becomes of the message."""
    cases = [  # name, answers in order, final event, cause
        ("EBMS:0010 is final", [("error", "EBMS:0010", "no P-Mode")], "as4.failed", 1, "EBMS:0010"),
        ("NOT_SERVICED is final", [("error", "EBMS:0004", "NOT_SERVICED")], "as4.failed", 1, "EBMS:0004"),
        ("plain text with HTTP 500, then a receipt", [("plain",)], "as4.delivered", 2, ""),
        ("plain text with HTTP 503, then a receipt", [("plain", "", "", 503)], "as4.delivered", 2, ""),
        ("SOAP fault without ebMS error, then a receipt", [("fault",)], "as4.delivered", 2, ""),
        # phase4 notes the MessageId before the application sees the message, and calls the retry after its own error a duplicate.
        ("EBMS:0202 is retried; phase4 then says duplicate: unconfirmed", [("error", "EBMS:0202", "later")], "as4.unconfirmed", 2, "EBMS:0004"),
        ("EBMS:4001 on a retry is unconfirmed", [("plain",), ("error", "EBMS:4001", "was already handled")], "as4.unconfirmed", 2, "EBMS:4001"),
        ("receipt lost, phase4 calls the retry a duplicate: unconfirmed", [("silent",)], "as4.unconfirmed", 2, "EBMS:0004"),
    ]
    for name, answers, final, attempts, code in cases[:1] if smoke else cases:
        for answer in answers:
            chain.peer.behave(*answer)
        message_id, status, _ = chain.federation.post(NORRBY, foreign.PARTICIPANT, function=foreign.FUNCTION)
        event = chain.wait_event(message_id, "as4.delivered", "as4.failed", "as4.unconfirmed")
        got = len(chain.peer.received(conversationId=message_id))
        taken = 1 if final == "as4.delivered" or answers == [("silent",)] else 0
        chain.cases.check(f"out: {name}", status == 202 and event["event"] == final and event["attempt"] == attempts and event["ebmsCode"] == code and got == taken, f"{event} {got}")


def away_out(chain):
    chain.peer.stop()
    message_id, status, _ = chain.federation.post(NORRBY, foreign.PARTICIPANT, function=foreign.FUNCTION)
    failed = chain.wait_event(message_id, "as4.attempt_failed")
    chain.start_peer()
    event = chain.wait_event(message_id, "as4.delivered", "as4.failed")
    chain.cases.check("out: phase4 was down, the message came when it was back (TA09)",
                      failed["event"] == "as4.attempt_failed" and event["event"] == "as4.delivered" and len(chain.peer.received(conversationId=message_id)) == 1, f"{failed} {event}")


def ping_out(chain):
    done = subprocess.run([BUDKAVLE, "as4", "ping", foreign.PARTICIPANT, "--data", chain.federation.data, "--json"], capture_output=True, text=True)
    chain.cases.check("out: as4 ping, phase4 answers and delivers nothing", done.returncode == 0 and '"accepted"' in done.stdout and not chain.peer.received(action=TEST_ACTION), done.stdout + done.stderr)


def profile_out(chain):
    foreign.join(chain.federation, chain.folder / "peer", chain.port, profile="digg-transport-as4-v1_2")
    os.kill(chain.federation.pid("ap1"), signal.SIGTERM)  # its cache of metadata is new after the restart
    time.sleep(1)
    foreign.wait_for_demo(chain.federation)
    message_id, status, _ = chain.federation.post(NORRBY, foreign.PARTICIPANT, function=foreign.FUNCTION)
    event = chain.wait_event(message_id, "as4.delivered", "as4.failed")
    got = chain.peer.received(conversationId=message_id)
    chain.cases.check("out: AP-01 endpoint with v1_2, its roles", event["event"] == "as4.delivered" and len(got) == 1 and got[0]["fromRole"] == ROLE_V12 and got[0]["toRole"] == ROLE_V12, f"{event} {got}")
