#!/usr/bin/env python3
"""The platform's cases for access point operators (test-cases.md 1, 2 and 4): TF-01 … TF-10 and the announced ones, on a running federation with a test bed beside it."""
import argparse
import base64
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import tempfile
import time
import uuid

from adverse import make_keys
from bed import BUDKAVLE, NORRBY, REGION, SODERBY, Log, Poster, Tally, error_of, forge, inbox, prepare, restart, run, running_demo
from federation import payload
from suite import BareAp, InterfaceC, Messages, Peer, case, run_cases, seal_envelope

RECEIPT = b"NonRepudiationInformation"
RECEIPT_DOCUMENT = "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse##fdc:digg.se:edelivery:messagetype:response:1::2.1::tm-base-ext-sigenc"


class World:
    """TestAP-01 is the federation's own second access point where the operator initiates, and `bed` where the test bed does."""

    def __init__(self, federation, pki, folder):
        self.federation, self.pki, self.folder = federation, pki, pathlib.Path(folder)
        self.aps = {ap["name"]: ap for ap in federation.facts["accessPoints"]}
        self.norrby = InterfaceC(federation, "mt-kommun", "ap1", NORRBY)
        self.region = InterfaceC(federation, "mt-region", "ap2", REGION)
        self.stops = []
        self.bed = self.peer("0203:digg-qa01.example.se", "AP0901-SDK-DEMO")
        self.poster = Poster(self.aps["ap2"]["url"], f"{pki.keys}/bed-tls.crt", f"{pki.keys}/bed-tls.key", federation.facts["trust"]["tls"], 300)
        out = self.folder / "messages"
        forge("write", "--keys", pki.keys, "--from", NORRBY, "--to", REGION, "--elsewhere", SODERBY, "--federation", federation.facts["federationId"],
              *[part for one in ("TF-09", "K23", "AP-14", "AP-4", "AP-15", "ok-AP-6", "1.6-timestamp", "ok-K41") for part in ("--only", one)], "--out", out)
        self.messages = Messages(out)
        self.as_ap1 = Poster(self.aps["ap2"]["url"], self.aps["ap1"]["tlsCert"], self.aps["ap1"]["tlsKey"], federation.facts["trust"]["tls"])

    def peer(self, participant, party, identity=None, tls="bed-tls", listening=True, pinned=False):
        """A foreign access point with one participant in the register."""
        identity = identity or self.pki.issue(party, party)
        bare = BareAp(identity, self.federation.facts["trust"]["as4"], self.federation.facts["crls"], self.folder / f"drop-{party}")
        peer = Peer(self.pki.keys / tls, self.federation.facts["trust"]["tls"], lambda number, headers, body: bare.post({"Content-Type": headers["Content-Type"]}, body), f"127.0.0.{len(self.stops) + 2}")
        if not listening:
            peer.stop()
        self.stops += [bare] + ([peer] if listening else [])
        run("demo", "add-peer", "--id", participant, "--endpoint", peer.url, "--cert", f"{identity}.crt", "--data", self.federation.data, "--json", check=(0,))
        files = self.federation.data / "peers" / f"{party}-o2o"
        return {"participant": participant, "party": party, "identity": identity, "peer": peer, "bare": bare, "o2o": {"key": f"{files}.key", "cert": f"{files}.crt"}}

    def submit(self, target, seconds=60, document=None, federation_id=None):
        """Norrby's message at interface C; its final state."""
        octets = b'<m:messagePayload xmlns:m="urn:riv:infrastructure:messaging:MessageWithAttachments:3"/>'
        xhe_id, envelope = seal_envelope(self.federation, self.folder, NORRBY, target["participant"], octets, "sdk:inkorg:x", recipient_cert=target["o2o"]["cert"], document=document, federation_id=federation_id)
        status, answer = self.norrby.submit(envelope, xhe_id)
        return self.norrby.final(answer["as4MessageId"], seconds) if status == 202 else answer

    def from_bed(self, **options):
        """A message of the bed's participant to Region Öst, sealed by the command line and posted with Python's TLS: the message's id, the AS4 id, the answer."""
        function = options.pop("handling", self.federation.function(REGION))
        message_id, octets = payload(self.bed["participant"], REGION, "sdk:inkorg:0203:digg-qa01.example.se", self.federation.function(REGION), **options)
        if len(octets) > 40_000_000:
            envelope = self.large_envelope(message_id, octets, function)
        else:
            _, envelope = seal_envelope(self.federation, self.folder, self.bed["participant"], REGION, octets, function, message_id, self.bed["o2o"], self.federation.participants[REGION]["o2o"]["cert"])
        return (message_id, *self.post_envelope(envelope))

    def large_envelope(self, message_id, octets, function):
        """`budkavle xhe seal` is a message service's tool: it writes the whole envelope, but its look at the result stops where message services do."""
        source, out = self.folder / "payload", self.folder / "large"
        source.write_bytes(octets)
        run("xhe", "seal", "--payload", source, "--from", self.bed["participant"], "--to", REGION, "--function", function, "--id", message_id, "--federation", self.federation.facts["federationId"],
            "--key", self.bed["o2o"]["key"], "--cert", self.bed["o2o"]["cert"], "--to-cert", self.federation.participants[REGION]["o2o"]["cert"], "--out", out, timeout=300)
        envelope = out.read_bytes()
        assert envelope.endswith(b"</x:XHE>"), envelope[-100:]
        source.unlink()
        out.unlink()
        return envelope

    def post_envelope(self, envelope):
        source, out = self.folder / "envelope", self.folder / "request.body"
        source.write_bytes(envelope)
        as4_id = f"{uuid.uuid4()}@bed.example.se"
        run("as4", "seal", "--key", f"{self.bed['identity']}.key", "--cert", f"{self.bed['identity']}.crt", "--to-cert", self.aps["ap2"]["cert"], "--payload", source, "--message-id", as4_id,
            "--property", f"originalSender={self.bed['participant']}", "--property", f"finalRecipient={REGION}", "--conversation-id", as4_id, "--out", out, check=(0,), timeout=300)
        headers = dict(line.split(": ", 1) for line in pathlib.Path(f"{out}.headers").read_text().splitlines() if ": " in line)
        status, _, answer = self.poster.post(headers, out.read_bytes())
        return as4_id, len(envelope), status, answer

    def message_receipt(self, message_id, seconds=90):
        """The message receipt that Region Öst sent to the bed's access point."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for file in self.bed["bare"].dropped():
                octets = file.read_bytes()
                if message_id.encode() in octets and b"ApplicationResponse" in octets:
                    return octets
            time.sleep(0.2)
        return None

    def lines(self, ap, as4_id):
        path = self.federation.data / ap / "log" / "transfer.jsonl"
        return [line for line in map(json.loads, path.read_text().splitlines()) if line.get("as4MessageId") == as4_id]


def arrives(world, tally, title, sent, wanted=b"ACCEPTED"):
    message_id, as4_id, size, status, answer = sent
    tally.check(f"{title}: transport receipt", status == 200 and RECEIPT in answer, f"{status} {error_of(answer)}")
    receipt = world.message_receipt(message_id)
    tally.check(f"{title}: message receipt", receipt is not None and wanted in receipt, f"{receipt and receipt[:2000]}")
    tally.check(f"{title}: logged as received", [line["event"] for line in world.lines("ap2", as4_id)][:1] == ["as4.received"], str(world.lines("ap2", as4_id)))


def refused(world, tally, title, name, code, poster=None, log=""):
    row = world.messages.rows[name]
    status, _, answer = world.messages.post(poster or world.as_ap1, name)
    tally.check(f"{title} {name}: refused with {code}", error_of(answer)[0] == code and RECEIPT not in answer, f"{status} {error_of(answer)}")
    lines = [line for line in world.lines("ap2", row["messageId"]) if line["event"] == "as4.refused"]
    tally.check(f"{title} {name}: the log says why", bool(lines) and (log or row["log"] or row["rule"]) in f"{lines[-1]['rule']} {lines[-1]['text']}" and lines[-1]["ebmsCode"] == code, str(lines))
    tally.check(f"{title} {name}: not handed over", row["messageId"] not in inbox(world.federation, "ap2", "mt-region", REGION), "")
    return lines


@case("TF-01")
def send(world, tally):
    """a message to TestAP-01: transport receipt, then a message receipt taken without error"""
    message_id, status, answer = world.federation.post(NORRBY, REGION, text="TF-01")
    final = world.federation.wait_final(NORRBY, message_id, 90)
    tally.check("TF-01: message receipt", status == 202 and final["status"] == "ACCEPTED", f"{answer} {final}")
    final = world.submit(world.bed)
    tally.check("TF-01: transport receipt of a foreign access point found in the SMP", final["state"] == "delivered" and len(world.bed["peer"].requests) >= 1, str(final))


@case("TF-02", "TF-future-expired-receiver-certificate")
def bad_receiver_certificate(world, tally):
    """the receiver's certificate is revoked, or expired (K22): an error, and nothing sent"""
    for target, code in ((world.revoked, "revoked"), (world.expiring, "expired")):
        if code == "expired":
            time.sleep(max(0.0, world.expires - time.time()))
        final = world.submit(target)
        tally.check(f"TF-02: {code}", final["state"] == "failed" and code in json.dumps(final["cause"]), str(final))
        tally.check(f"TF-02: {code}: nothing sent", target["peer"].requests == [], f"{len(target['peer'].requests)} requests")
        events = world.norrby.events(final["as4MessageId"])
        tally.check(f"TF-02: {code}: the participant is told", any(code in json.dumps(one) for one in events), str(events))


@case("TF-03")
def other_environment(world, tally):
    """sent with a certificate of another environment: not accepted"""
    for name in ("AP-14-other-environment-01", "AP-14-other-environment-02"):
        refused(world, tally, "TF-03", name, "EBMS:0101")


@case("TF-04")
def receive(world, tally):
    """a message of an approved type reaches the participant, message receipt sent"""
    arrives(world, tally, "TF-04", world.from_bed(text="TF-04"))


@case("TF-05")
def unreachable(world, tally):
    """an access point that cannot be reached: kept, tried by schedule, given up with the cause"""
    final = world.submit(world.unreachable)
    tally.check("TF-05", final["state"] == "failed" and final["cause"]["code"] == "http.connect" and final["attempts"] > 1, str(final))
    tally.check("TF-05: the participant is told", any("http.connect" in json.dumps(one) for one in world.norrby.events(final["as4MessageId"])), "")


@case("TF-06")
def largest_envelope(world, tally):
    """every field of the profile"""
    arrives(world, tally, "TF-06", world.from_bed(text="TF-06", files=[("a.pdf", "application/pdf", base64.b64encode(b"%PDF-1.4\n").decode())]))


@case("TF-07")
def smallest_envelope(world, tally):
    """without the fields that may be left out: HandlingServiceID"""
    sent = world.from_bed(text="TF-07", handling=None)
    arrives(world, tally, "TF-07", sent, b"ApplicationResponse")


@case("TF-08")
def large(world, tally):
    """70 MB and 100 MB including envelope: taken, handed over whole, in memory that does not grow"""
    for wanted, raw in ((70_000_000, 39_700_000), (100_000_000, 56_400_000)):
        files = [(f"bilaga{i}.pdf", "application/pdf", base64.b64encode(b"%PDF-1.4\n" + os.urandom(raw // 10)).decode()) for i in range(10)]
        started = time.monotonic()
        sent = world.from_bed(text="TF-08", files=files)
        del files
        message_id, as4_id, size, status, answer = sent
        tally.check(f"TF-08: {size} octets is at least {wanted}", size >= wanted, str(size))
        # Beyond 64 MB the message service sends no message receipt: docs/conformance.md, "What is missing".
        tally.check(f"TF-08 {wanted}: transport receipt", status == 200 and RECEIPT in answer, f"{status} {error_of(answer)}")
        deadline = time.monotonic() + 60
        while not any(line["event"] == "as4.handed_over" for line in world.lines("ap2", as4_id)) and time.monotonic() < deadline:
            time.sleep(0.2)
        tally.check(f"TF-08 {wanted}: handed over whole", [(line["event"], line["bytes"]) for line in world.lines("ap2", as4_id)] == [("as4.received", size), ("as4.handed_over", size)], str(world.lines("ap2", as4_id)))
        print(f"        {size} octets: {time.monotonic() - started:.1f} s with sealing")
    peak = next(int(line.split()[1]) // 1024 for line in pathlib.Path(f"/proc/{world.federation.pid('ap2')}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    tally.check("TF-08: memory does not grow with the message", peak < 150, f"{peak} MB")


@case("TF-09")
def malformed_envelope(world, tally):
    """one fault per rule R1–R14: identified, logged with the reason, not handed over, no message receipt, listed for report"""
    names = [name for name in world.messages.rows if name.startswith("TF-09")]
    rules = {f"R{n}-XHE" for n in range(1, 15)} & {world.messages.rows[name]["rule"] for name in names}
    tally.check("TF-09: one per rule", len(rules) == 14, str(sorted(rules)))
    for name in names:
        refused(world, tally, "TF-09", name, "EBMS:0004")


@case("TF-10")
def contradicting_metadata(world, tally):
    """a value that contradicts metadata or header: identified by the envelope check"""
    for name in world.messages.rows:
        if name.startswith(("K23", "AP-4.")):
            refused(world, tally, "TF-10", name, "EBMS:0004")


@case("TF-future-simultaneous-messages")
def simultaneous(world, tally):
    """many messages in both directions at once"""
    pairs = [(NORRBY, REGION), (REGION, NORRBY)] * 20
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda pair: (pair, world.federation.post(*pair)), pairs))
    for (sender, recipient), (message_id, status, answer) in sent:
        final = world.federation.wait_final(sender, message_id, 120) if status == 202 else answer
        tally.check(f"simultaneous: {sender} to {recipient}", bool(final) and final.get("status") == "ACCEPTED", str(final))


@case("TF-future-other-federation")
def other_federation(world, tally):
    """to and from another federation: refused on both sides"""
    answer = world.submit(world.bed, federation_id="urn:fdc:digg.se:edelivery:federation:other")
    tally.check("other federation: refused at submission", answer.get("code") == "outbox.federation", str(answer))
    for name in ("AP-4.9-federation-01", "AP-4.9-federation-02"):
        refused(world, tally, "other federation", name, "EBMS:0004")


@case("TF-future-repeated-reception")
def repeated(world, tally):
    """received again because the acknowledgement was lost, also after a restart: same receipt, delivered once"""
    name = "ok-AP-6-original-01"
    status, _, first = world.messages.post(world.as_ap1, name)
    tally.check("repeated reception: taken", status == 200 and RECEIPT in first, str(error_of(first)))
    restart(world.federation, "ap2")
    world.as_ap1.close()
    status, _, again = world.messages.post(world.as_ap1, name)
    tally.check("repeated reception: the same receipt after a restart", again == first, str(error_of(again)))
    events = [line["event"] for line in world.lines("ap2", world.messages.rows[name]["messageId"])]
    tally.check("repeated reception: delivered once", events.count("as4.received") == 1 and events.count("as4.duplicate") == 1, str(events))


@case("TF-future-unsupported-type")
def unsupported_type(world, tally):
    """a type the receiver cannot take: not sent, and refused on arrival"""
    final = world.submit(world.bed, document="urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base")
    told = json.dumps(final)
    tally.check("unsupported type: not sent", final.get("state") == "failed" and ("not_registered" in told or "not_offered" in told or "document" in told) and final.get("attempts") == 0, told)
    for name in ("AP-4.6-type-not-taken-01", "AP-4.6-type-not-taken-02"):
        refused(world, tally, "unsupported type", name, "EBMS:0004")


@case("TF-future-timestamp")
def timestamps(world, tally):
    """times are UTC with Z and three fraction digits, clocks agree; a wrong wsu:Timestamp is refused"""
    final = world.submit(world.bed)
    tally.check("timestamp: delivered", final["state"] == "delivered", str(final))
    request = world.bed["peer"].requests[-1][1]
    for name in (b"eb:Timestamp",):
        value = re.search(b"<" + name + rb">([^<]+)<", request).group(1).decode()
        tally.check("timestamp: form", re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value) is not None, value)
        age = time.time() - __import__("calendar").timegm(time.strptime(value[:19], "%Y-%m-%dT%H:%M:%S"))
        tally.check("timestamp: of now", -2 < age < 60, f"{age} s")
    for line in world.lines("ap1", final["as4MessageId"]):
        tally.check("timestamp: logs are in UTC", re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) is not None, line["time"])
    for name in world.messages.rows:
        if name.startswith("1.6-timestamp"):
            refused(world, tally, "timestamp", name, "EBMS:0103")


@case("TF-future-ap-log")
def access_point_logs(world, tally):
    """the event log has every field of access-point.md 8, on both sides, and no content"""
    xhe_id, _, answer = world.federation.post(NORRBY, REGION, text="kanariefagel-i-loggen")
    world.federation.wait_final(NORRBY, xhe_id, 60)
    sides = {}
    for ap in ("ap1", "ap2"):
        lines = [json.loads(line) for line in (world.federation.data / ap / "log" / "transfer.jsonl").read_text().splitlines()]
        sides[ap] = [line for line in lines if line.get("xheId") == xhe_id and line["event"] in ("as4.delivered", "as4.received")]
        for line in sides[ap]:
            missing = [key for key in ("time", "ap", "certificateSha256", "signature", "sender", "recipient", "as4MessageId", "as4ConversationId", "document", "environment", "federation", "result", "trace") if not line.get(key)]
            tally.check(f"log of {ap}: every field", not missing, f"{missing} {line}")
    tally.check("log: both sides, same AS4 id", len(sides["ap1"]) == 1 and len(sides["ap2"]) == 1 and sides["ap1"][0]["as4MessageId"] == sides["ap2"][0]["as4MessageId"], str(sides))
    for ap in ("ap1", "ap2"):
        for file in (world.federation.data / ap / "log").iterdir():
            tally.check(f"log of {ap}: no content in {file.name}", b"kanariefagel" not in file.read_bytes(), "")


@case("TO-2", "TO-4", "TO-5", "TO-6")
def faulty_organisations(world, tally):
    """the faulty test organisations of the address book: not reachable, wrong AS4 certificate, expired TLS certificate, wrong CA in TLS certificate"""
    for target, code in ((world.tls_expired, "http.tls"), (world.tls_wrong_ca, "http.tls")):
        final = world.submit(target)
        tally.check(f"{target['party']}: TLS refused", final["state"] == "failed" and "tls" in final["cause"]["code"] and target["peer"].requests == [], str(final))
    final = world.submit(world.wrong_as4)
    tally.check("wrong AS4 certificate: refused, nothing sent", final["state"] == "failed" and final["cause"]["code"] == "smp.endpoint_certificate" and world.wrong_as4["peer"].requests == [], str(final))


def build(world):
    """The faulty peers (TST-08)."""
    pki = world.pki
    world.revoked = world.peer("0203:digg-qa03.example.se", "AP0004-SDK-DEMO", identity=pki.keys / "revoked")
    world.unreachable = world.peer("0203:digg-qa04.example.se", "AP0905-SDK-DEMO", listening=False)
    world.tls_expired = world.peer("0203:digg-qa05.example.se", "AP0906-SDK-DEMO", tls="tls-expired")
    world.tls_wrong_ca = world.peer("0203:digg-qa06.example.se", "AP0907-SDK-DEMO", tls="tls-wrong-ca")
    world.wrong_as4 = world.peer("0203:digg-qa07.example.se", "AP0908-SDK-DEMO", identity=pki.foreign("wrong-as4", "AP0908-SDK-DEMO"))
    # The demo pins what its CA did not issue; an operator does not.
    config = world.federation.data / "ap1" / "ap1.toml"
    config.write_text(re.sub(r"as4_pins = \[.*\]", "as4_pins = []", config.read_text()).replace("send_attempts = 60\nsend_duration = 90", "send_attempts = 4\nsend_duration = 3"))
    restart(world.federation, "ap1")
    world.expires = time.time() + 40
    world.expiring = world.peer("0203:digg-qa08.example.se", "AP0909-SDK-DEMO", identity=pki.mint("expiring", "AP0909-SDK-DEMO", until=40))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--only", default="")
    options = options.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="budkavle-") as data, tempfile.TemporaryDirectory() as folder:
        federation, pki = prepare(data)
        make_keys(federation, pki)
        addresses = [f"127.0.0.{n}" for n in range(1, 30)]
        pki.mint("bed-tls", "test bed", ca="ca-tls", ip=addresses)
        pki.mint("tls-expired", "test bed", ca="ca-tls", ip=addresses, **{"from": -7200, "until": -3600})
        pki.foreign("tls-wrong-ca", "test bed", ip=addresses)
        with running_demo(data=data) as running:
            world = World(running, pki, folder)
            try:
                build(world)
                run_cases(tally, world, options.only)
            finally:
                for one in world.stops:
                    one.stop()
    tally.finish(at_least=1 if options.only else 150)


if __name__ == "__main__":
    main()
