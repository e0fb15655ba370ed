#!/usr/bin/env python3
"""The assertions of the EC/CEF test platform (as4-wire.md 2.1), each under its id, over sockets between running access points, for both transport profiles."""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

from adverse import make_keys
import bsp
from bed import ROOT, BUDKAVLE, NORRBY, REGION, SODERBY, Log, Poster, Tally, error_of, forge, inbox, prepare, restart, run, running_demo
from suite import BareAp, Header, InterfaceC, Messages, Peer, case, run_cases, seal_envelope

PROFILES = ("digg-transport-as4-v1_0", "digg-transport-as4-v1_2")
PEERS = {"digg-transport-as4-v1_0": ("0203:digg-qa01.example.se", "AP0901-SDK-DEMO"), "digg-transport-as4-v1_2": ("0203:digg-qa02.example.se", "AP0902-SDK-DEMO")}
RECEIPT = b"NonRepudiationInformation"
CLASSES = ["ok-AP-6", "ok-TA", "ok-1.4-ref-to", "ok-1.4-part-properties", "ok-4CT", "ok-AP-02", "1.4-two-party-ids", "1.3-body-not-empty", "1.4-href", "1.4-mime-type", "1.4-character-set",
           "1.5-", "1.6-not-encrypted", "1.6-unsigned", "1.6-coverage", "1.6-signature-method", "1.6-content-cipher", "1.4-property-missing", "AP-04"]
PAYLOAD = b'<m:messagePayload xmlns:m="urn:riv:infrastructure:messaging:MessageWithAttachments:3"/>'


class World:
    def __init__(self, federation, pki, folder):
        self.federation, self.pki, self.folder = federation, pki, pathlib.Path(folder)
        self.aps = {ap["name"]: ap for ap in federation.facts["accessPoints"]}
        self.profile, self.peers, self.behaviour = None, {}, {}
        trust = federation.facts["trust"]
        self.norrby = InterfaceC(federation, "mt-kommun", "ap1", NORRBY)
        self.region = InterfaceC(federation, "mt-region", "ap2", REGION)
        self.poster = Poster(self.aps["ap2"]["url"], self.aps["ap1"]["tlsCert"], self.aps["ap1"]["tlsKey"], trust["tls"])
        self.back = Poster(self.aps["ap1"]["url"], self.aps["ap2"]["tlsCert"], self.aps["ap2"]["tlsKey"], trust["tls"])
        self.messages, self.replies = {}, {}
        for profile in PROFILES:
            self.messages[profile] = self.write(pki.keys, NORRBY, REGION, SODERBY, profile, CLASSES)
            self.replies[profile] = self.write(self.swapped(), REGION, NORRBY, REGION, profile, ["ok-1.4-ref-to"])
            self.add_peer(profile)

    def swapped(self):
        keys = self.pki.keys / "swapped"
        if not keys.exists():
            shutil.copytree(self.pki.keys, keys, ignore=shutil.ignore_patterns("swapped"))
            for one, other in (("signer", self.aps["ap2"]), ("recipient", self.aps["ap1"]), ("o2o", self.federation.participants[REGION]["o2o"]), ("o2o-recipient", self.federation.participants[NORRBY]["o2o"])):
                shutil.copy(other["cert"], keys / f"{one}.crt")
                shutil.copy(other["key"], keys / f"{one}.key")
        return keys

    def write(self, keys, sender, recipient, elsewhere, profile, only):
        out = self.folder / str(uuid.uuid4())
        forge("write", "--keys", keys, "--from", sender, "--to", recipient, "--elsewhere", elsewhere, "--federation", self.federation.facts["federationId"], "--profile", profile,
              *[part for one in only for part in ("--only", one)], "--out", out)
        return Messages(out)

    def add_peer(self, profile):
        """A foreign access point of that profile, registered in the SMP; behind its TLS port `as4 serve` judges and receipts."""
        participant, party = PEERS[profile]
        identity = self.pki.issue(party, party)
        bare = BareAp(identity, self.federation.facts["trust"]["as4"], self.federation.facts["crls"], self.folder / f"drop-{party}")
        forward = lambda number, headers, body: bare.post({"Content-Type": headers["Content-Type"]}, body)  # noqa: E731
        self.behaviour[profile] = forward
        peer = Peer(self.pki.keys / "bed-tls", self.federation.facts["trust"]["tls"], lambda *said: self.behaviour[profile](*said), f"127.0.0.{len(self.peers) + 2}")
        run("demo", "add-peer", "--id", participant, "--endpoint", peer.url, "--cert", f"{identity}.crt", "--transport-profile", profile, "--data", self.federation.data, "--json", check=(0,))
        self.peers[profile] = {"participant": participant, "party": party, "peer": peer, "bare": bare, "forward": forward, "identity": identity,
                               "o2o": {"key": str(self.federation.data / "peers" / f"{party}-o2o.key"), "cert": str(self.federation.data / "peers" / f"{party}-o2o.crt")}}

    # --- in the profile that is under test
    def send(self, behaviour=None, seconds=60):
        """Norrby's message to the peer: final state, the requests that came, XHE octets."""
        target = self.peers[self.profile]
        self.behaviour[self.profile] = behaviour or target["forward"]
        seen = len(target["peer"].requests)
        xhe_id, octets = seal_envelope(self.federation, self.folder, NORRBY, target["participant"], PAYLOAD, function="sdk:inkorg:x", recipient_cert=target["o2o"]["cert"])
        status, answer = self.norrby.submit(octets, xhe_id)
        assert status == 202, answer
        final = self.norrby.final(answer["as4MessageId"], seconds)
        self.behaviour[self.profile] = target["forward"]
        return final, target["peer"].requests[seen:], octets

    def header(self):
        final, requests, octets = self.send()
        assert final["state"] == "delivered", final
        return Header(requests[-1])

    def post(self, name):
        return self.messages[self.profile].post(self.poster, name)

    def row(self, name):
        return self.messages[self.profile].rows[name]

    def names(self, part):
        return [name for name in self.messages[self.profile].rows if name.startswith(part)]


def accepted(world, tally, title, name):
    status, _, answer = world.post(name)
    tally.check(f"{title} {world.profile}: {name}", 200 <= status < 300 and RECEIPT in answer, f"{status} {error_of(answer)}")
    return answer


def refused(world, tally, title, part, code):
    for name in world.names(part):
        status, _, answer = world.post(name)
        tally.check(f"{title} {world.profile}: {name}", error_of(answer)[0] == code and RECEIPT not in answer, f"{status} {error_of(answer)}")
    tally.check(f"{title} {world.profile}: there are such messages", bool(world.names(part)), part)


@case("TA01", "TA02")
def receipt(world, tally):
    """non-repudiation receipt on the same connection, RefToMessageId is the MessageId"""
    world.poster.close()
    world.poster.connect()
    connection = world.poster.connection
    answer = accepted(world, tally, "TA01", "ok-AP-6-original-01")
    tally.check(f"TA01 {world.profile}: on the same connection", world.poster.connection is connection, "")
    tally.check(f"TA02 {world.profile}", f"<eb:RefToMessageId>{world.row('ok-AP-6-original-01')['messageId']}</eb:RefToMessageId>".encode() in answer, answer[:600].decode())


@case("TA14")
def two_way(world, tally):
    """a message and its answer in the other direction, each receipted on its own connection"""
    accepted(world, tally, "TA14", "ok-AP-6-original-02")
    status, _, answer = world.replies[world.profile].post(world.back, "ok-1.4-ref-to-01")
    tally.check(f"TA14 {world.profile}: the answer is receipted", status == 200 and RECEIPT in answer, f"{status} {error_of(answer)}")


@case("TA03")
def single_party_ids(world, tally):
    """one PartyId each in what is sent; two are refused"""
    header = world.header()
    tally.check(f"TA03 {world.profile}: sent", len(header.all(r"<eb:PartyId[ >]")) == 2, header.xml[:2000])
    refused(world, tally, "TA03", "1.4-two-party-ids", "EBMS:0003")


@case("TA04")
def uncompressed(world, tally):
    """an uncompressed payload is taken"""
    for name in world.names("ok-TA04"):
        accepted(world, tally, "TA04", name)


@case("TA05", "TA06")
def leading_document(world, tally):
    """empty Body, the XML document is the first PartInfo"""
    header = world.header()
    tally.check(f"TA05 {world.profile}: empty Body", header.one(r"<S12:Body[^>]*?(?:/>|>(.*?)</S12:Body>)") == "", header.xml[-300:])
    refused(world, tally, "TA05", "1.3-body-not-empty", "EBMS:0010")
    first = header.all(r"<eb:PartInfo.*?</eb:PartInfo>")[0]
    tally.check(f"TA06 {world.profile}", 'href="cid:message"' in first and '<eb:Property name="MimeType">text/xml</eb:Property>' in first, first)


@case("TA07", "TA45")
def attachments(world, tally):
    """structured document first, attachments after it; the order of PartInfo is the order delivered"""
    bare = BareAp(world.pki.keys / "recipient", world.federation.facts["trust"]["as4"], world.federation.facts["crls"], world.folder / f"several-{world.profile}")
    try:
        messages = world.messages[world.profile]
        for name in world.names("ok-TA07") + world.names("ok-TA45"):
            seen = len(bare.lines)
            status, _, answer = bare.post(messages.headers(name), messages.body(name))
            tally.check(f"TA07 {world.profile}: {name}", status == 200 and RECEIPT in answer, f"{status} {error_of(answer)}")
            deadline = time.monotonic() + 10
            while len(bare.lines) == seen and time.monotonic() < deadline:
                time.sleep(0.02)
            wanted = re.findall(rb'href="cid:([^"]+)"', messages.body(name))
            got = [payload["cid"].encode() for payload in bare.lines[seen]["payloads"]]
            tally.check(f"TA45 {world.profile}: {name}", got == wanted and len(got) > 1, f"{got} {wanted}")
    finally:
        bare.stop()


@case("TA08")
def external_reference(world, tally):
    """a payload referenced outside the package gives a synchronous error"""
    refused(world, tally, "TA08", "1.4-href-0", "EBMS:0011")


@case("TA09")
def retry(world, tally):
    """repeated until the receipt comes, with the same MessageId and the same octets"""
    target = world.peers[world.profile]
    answers = [lambda *_: None, lambda *_: (502, "text/plain", b"no"), target["forward"]]
    final, requests, _ = world.send(lambda *said: answers.pop(0)(*said))
    tally.check(f"TA09 {world.profile}: delivered in the end", final["state"] == "delivered" and final["attempts"] == 3, str(final))
    tally.check(f"TA09 {world.profile}: the same octets each time", len(requests) == 3 and len({body for _, body in requests}) == 1, f"{len(requests)} requests")


@case("TA10")
def duplicate(world, tally):
    """a repeated message is delivered once and receipted again with the same octets"""
    first = accepted(world, tally, "TA10", "ok-AP-6-original-03")
    again = accepted(world, tally, "TA10", "ok-AP-6-original-03")
    message_id = world.row("ok-AP-6-original-03")["messageId"]
    tally.check(f"TA10 {world.profile}: the same receipt", first == again, "the receipts differ")
    tally.check(f"TA10 {world.profile}: delivered once", inbox(world.federation, "ap2", "mt-region", REGION).count(message_id) == 1, "")


@case("TA12")
def signature(world, tally):
    """RSA-SHA256 and SHA-256 over Messaging, Body and every part, and nothing less is taken"""
    header = world.header()
    info = header.one(r"<ds:SignedInfo>(.*?)</ds:SignedInfo>")
    tally.check(f"TA12 {world.profile}: methods", 'CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"' in info and 'SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"' in info
                and set(re.findall(r'DigestMethod Algorithm="([^"]+)"', info)) == {"http://www.w3.org/2001/04/xmlenc#sha256"}, info)
    messaging = re.search(r"<eb:Messaging[^>]*wsu:Id=\"([^\"]+)\"", header.xml).group(1)
    body = re.search(r"<S12:Body[^>]*wsu:Id=\"([^\"]+)\"", header.xml).group(1)
    timestamp = re.search(r"<wsu:Timestamp[^>]*wsu:Id=\"([^\"]+)\"", header.xml)
    tally.check(f"TA12 {world.profile}: wsu:Timestamp as the profile says (K41)", bool(timestamp) == world.profile.endswith("v1_2"), header.xml)
    covered = {f"#{messaging}", f"#{body}", "cid:message"} | ({f"#{timestamp.group(1)}"} if timestamp else set())
    references = re.findall(r'<ds:Reference URI="([^"]+)"', info)
    tally.check(f"TA12 {world.profile}: coverage", set(references) == covered and len(references) == len(covered), info)
    refused(world, tally, "TA12", "1.6-signature-method", "EBMS:0103")
    refused(world, tally, "TA12", "1.6-coverage", "EBMS:0103")
    refused(world, tally, "TA12", "1.6-unsigned", "EBMS:0103")


@case("TA13")
def encryption(world, tally):
    """AES-128-GCM and RSA-OAEP for the receiver's certificate from the SMP"""
    header = world.header()
    methods = header.all(r'<xenc:EncryptionMethod Algorithm="([^"]+)"')
    tally.check(f"TA13 {world.profile}: algorithms", methods == ["http://www.w3.org/2009/xmlenc11#rsa-oaep", "http://www.w3.org/2009/xmlenc11#aes128-gcm"]
                and "http://www.w3.org/2009/xmlenc11#mgf1sha256" in header.xml, str(methods))
    certificate = re.sub(r"-----[^-]+-----|\s", "", pathlib.Path(f"{world.peers[world.profile]['identity']}.crt").read_text().split("-----END")[0])
    tally.check(f"TA13 {world.profile}: for the receiver's certificate", certificate in header.all(r"<wsse:BinarySecurityToken[^>]*>([^<]+)<")[0], "another certificate")
    refused(world, tally, "TA13", "1.6-content-cipher", "EBMS:0103")


@case("TA15")
def missing_receipt(world, tally):
    """no receipt: EBMS:0301 to the producer"""
    final, requests, _ = world.send(lambda *_: (202, "", b""))
    tally.check(f"TA15 {world.profile}", final["state"] == "failed" and final["cause"]["code"] == "EBMS:0301", str(final))
    tally.check(f"TA15 {world.profile}: tried by schedule", len(requests) == final["attempts"] > 1, f"{len(requests)} {final}")


@case("TA16", "TA17")
def ping(world, tally):
    """the test service is answered and never delivered"""
    answer = run("as4", "ping", world.peers[world.profile]["participant"], "--config", world.federation.data / "ap1" / "ap1.toml", "--json", check=(0, 1))
    tally.check(f"TA16 {world.profile}: sent", answer.returncode == 0 and b"accepted" in answer.stdout, answer.stdout.decode() + answer.stderr.decode())
    for name in world.names("ok-TA17"):
        accepted(world, tally, "TA17", name)
        tally.check(f"TA17 {world.profile}: {name} is not delivered", world.row(name)["messageId"] not in inbox(world.federation, "ap2", "mt-region", REGION), "")


@case("TA19")
def conversation(world, tally):
    """ConversationId is set"""
    tally.check(f"TA19 {world.profile}", bool(world.header().one(r"<eb:ConversationId>([^<]+)</eb:ConversationId>")), "")


@case("TA21", "TA22")
def forms(world, tally):
    """multipart with payloads; a simple SOAP answer is understood"""
    header = world.header()  # the peer's receipt was plain application/soap+xml, and the message counts as delivered
    kind = header.http["Content-Type"]
    tally.check(f"TA21 {world.profile}", re.fullmatch(r'multipart/related; boundary="[^"]+"; type="application/soap\+xml"; start="<[^>]+>"', kind) is not None, kind)
    tally.check(f"TA21 {world.profile}: parts", header.package.count(b"Content-ID: <") == 2 and b"Content-ID: <message>" in header.package, "")
    tally.check(f"TA22 {world.profile}", "charset" not in kind, kind)


@case("TA23", "TA24", "TA25", "TA32", "TA33")
def compression(world, tally):
    """each part is gzip with CompressionType and original MimeType, and is decompressed before delivery"""
    target = world.peers[world.profile]
    before = set(target["bare"].dropped())
    final, requests, octets = world.send()
    header = Header(requests[-1])
    part = header.one(r"<eb:PartInfo.*?</eb:PartInfo>")
    tally.check(f"TA23 {world.profile}: CompressionType", '<eb:Property name="CompressionType">application/gzip</eb:Property>' in part, part)
    tally.check(f"TA24 {world.profile}: MimeType of the payload", '<eb:Property name="MimeType">text/xml</eb:Property>' in part, part)
    tally.check(f"TA25 {world.profile}: type before encryption", 'MimeType="application/gzip"' in header.xml, "")
    delivered = [file.read_bytes() for file in set(target["bare"].dropped()) - before]
    tally.check(f"TA32 {world.profile}: decompressed before delivery", delivered == [octets], f"{[len(one) for one in delivered]} {len(octets)}")
    status, data = world.region.fetch(world.row("ok-AP-6-original-01")["messageId"])
    tally.check(f"TA33 {world.profile}: decompressed before it is handed over", status == 200 and data.startswith(b"<x:XHE"), f"{status} {data[:40]}")


@case("TA26")
def missing_mime_type(world, tally):
    """no MimeType: synchronous error"""
    refused(world, tally, "TA26", "1.4-mime-type-missing", "EBMS:0003")


@case("TA27", "TA28", "TA29")
def character_set(world, tally):
    """CharacterSet UTF-8 sent; UTF-16 and UTF-8 taken; an invalid one refused"""
    part = world.header().one(r"<eb:PartInfo.*?</eb:PartInfo>")
    tally.check(f"TA28 {world.profile}: UTF-8 sent", '<eb:Property name="CharacterSet">UTF-8</eb:Property>' in part, part)
    accepted(world, tally, "TA28", "ok-1.4-part-properties-01")
    accepted(world, tally, "TA27", "ok-1.4-part-properties-02")
    refused(world, tally, "TA29", "1.4-character-set", "EBMS:0003")


@case("TA30", "TA31")
def damaged_gzip(world, tally):
    """damaged gzip: EBMS:0303 DecompressionFailure, and the consumer is told"""
    for name in world.names("1.5-gzip-damaged"):
        _, _, answer = world.post(name)
        tally.check(f"TA30 {world.profile}: {name}", all(text in answer for text in (b'errorCode="EBMS:0303"', b'shortDescription="DecompressionFailure"', b'severity="failure"', b'category="Communication"')), str(error_of(answer)))
    events = world.region.events(world.row("1.5-gzip-damaged-01")["messageId"])
    tally.check(f"TA31 {world.profile}: an event for the receiving participant", any(one["event"] == "as4.refused" and one.get("error", {}).get("ebmsCode") == "EBMS:0303" for one in events), str(events))


@case("TA34", "TA36", "TA38")
def order(world, tally):
    """compressed, then signed, then encrypted: what is digested and encrypted is the gzip stream"""
    accepted(world, tally, "TA38", "ok-AP-02-roles-01" if world.profile == PROFILES[0] else "ok-AP-02-roles-02")
    final, requests, octets = world.send()  # the peer has checked digest, tag and gzip in that order before it receipted
    tally.check(f"TA34 {world.profile}: compressed and signed", final["state"] == "delivered", str(final))
    tally.check(f"TA36 {world.profile}: compressed and encrypted", b"\x1f\x8b\x08" not in requests[-1][1][-200:] and octets[:100] not in requests[-1][1], "")
    # Only signed, or only encrypted, is legal AS4 but not of this federation (AP-20).
    refused(world, tally, "TA34", "1.6-not-encrypted", "EBMS:0103")
    refused(world, tally, "TA36", "1.6-unsigned", "EBMS:0103")


@case("TA35", "TA37")
def wrong_order(world, tally):
    """compressed after signing, signed after encryption: refused"""
    refused(world, tally, "TA35", "1.5-signed-before-compression", "EBMS:0101")
    refused(world, tally, "TA37", "1.5-signed-after-encryption", "EBMS:0101")


@case("4CT_TA01", "4CT_TA02", "4CT_TA03")
def four_corners(world, tally):
    """originalSender and finalRecipient, further properties permitted, From and To are access points"""
    header = world.header()
    properties = dict(header.all(r'<eb:Property name="(originalSender|finalRecipient)"[^>]*>([^<]+)<'))
    target = world.peers[world.profile]
    tally.check(f"4CT_TA01 {world.profile}", properties == {"originalSender": NORRBY, "finalRecipient": target["participant"]}, str(properties))
    refused(world, tally, "4CT_TA01", "1.4-property-missing", "EBMS:0010")
    for name in world.names("ok-4CT_TA02"):
        accepted(world, tally, "4CT_TA02", name)
    parties = header.all(r'<eb:PartyId type="([^"]+)">([^<]+)</eb:PartyId>')
    kind = "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:ap"
    tally.check(f"4CT_TA03 {world.profile}", parties == [(kind, "AP0001-SDK-DEMO"), (kind, target["party"])], str(parties))
    refused(world, tally, "4CT_TA03", "AP-04", "EBMS:0101")
    role = {"digg-transport-as4-v1_0": ["http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/initiator", "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/responder"],
            "digg-transport-as4-v1_2": ["urn:fdc:digg.se:edelivery:transportprofile:as4:role:ap"] * 2}[world.profile]
    tally.check(f"AP-01 {world.profile}: roles by the receiver's transport profile", header.all(r"<eb:Role>([^<]+)<") == role, str(header.all(r"<eb:Role>([^<]+)<")))


@case("WS-I-BSP")
def own_output(world, tally):
    """what we send (message, receipt, error) keeps the BSP rules of WSS4J, and its signatures the schema of XML Signature"""
    schema = ROOT / "tests" / "vectors" / "spec" / "data" / "xhe" / "fragments" / "XHE-xmldsig-core-schema-1.0.xsd"
    envelopes = {"message": world.header().xml.encode(), "receipt": accepted(world, tally, "BSP", "ok-AP-6-original-01"), "error": world.post("1.4-href-01")[2]}
    for name, envelope in envelopes.items():
        found = bsp.findings(envelope)
        tally.check(f"BSP {world.profile}: {name}", not found, f"{found} {envelope.decode()[:3000]}")
        file = world.folder / "signature.xml"
        file.write_bytes(bsp.signature_of(envelope))
        done = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", str(schema), str(file)], capture_output=True, text=True)
        tally.check(f"BSP {world.profile}: xmllint takes the signature of the {name}", done.returncode == 0, done.stderr)
    # The reader of this test can fail: a message that breaks R3209 and one that breaks R5404 are noticed.
    for part, rule in (("Id=\"_ek", "R3209"), (bsp.EXCLUSIVE, "R5404")):
        broken = envelopes["message"].decode().replace(part, "Recipient=\"x\" " + part if rule == "R3209" else "urn:other", 1)
        tally.check(f"BSP {world.profile}: {rule} broken is noticed", any(rule in one for one in bsp.findings(broken)), "")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--only", default="")
    options = options.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="budkavle-") as data, tempfile.TemporaryDirectory() as folder:
        federation, pki = prepare(data)
        make_keys(federation, pki)
        pki.mint("bed-tls", "test bed", ca="ca-tls", ip=[f"127.0.0.{n}" for n in range(1, 12)])
        patient = federation.data / "ap1" / "ap1.toml"
        patient.write_text(patient.read_text().replace("send_attempts = 60\nsend_duration = 90", "send_attempts = 4\nsend_duration = 3"))
        with running_demo(data=data) as running:
            os.kill(running.pid("mt-region"), signal.SIGSTOP)
            world = World(running, pki, folder)
            try:
                for profile in PROFILES:
                    print(f"  {profile}")
                    world.profile = profile
                    run_cases(tally, world, options.only)
            finally:
                os.kill(running.pid("mt-region"), signal.SIGCONT)
                for one in world.peers.values():
                    one["bare"].stop()
                    one["peer"].stop()
    tally.finish(at_least=1 if options.only else 150)


if __name__ == "__main__":
    main()
