#!/usr/bin/env python3
"""The whole life of a participant, from the approval of its operator to its end, beside traffic that never stops. After every step anybody's view is
asked for: kdig, curl, xmlsec1, openssl; and `budkavle consistency` finds nothing. No message is lost."""
import collections
import contextlib
import http.client
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from authority import MESSAGE, PROFILE, RECEIPT, Administration, Outside, Platform, Process, first_pem, free_port, quoted, second_smp, serve, sh, sha256, wait_for
from support import BUDKAVLE, Tally

NORRBY, REGION, NEW = "0203:norrby.example.se", "0203:region-ost.example.se", "0203:vastby.example.se"
OPERATOR, ORGANISATION = "vastdrift", "Västby kommun"
tally = Tally()
started = time.monotonic()


def step(text):
    print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)


class Forwarder:
    """The access point's new address: another port in front of the same process."""

    def __init__(self, to):
        self.to, self.octets = to, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                one, _ = self.server.accept()
            except OSError:
                return
            other = socket.create_connection(("127.0.0.1", self.to))
            for a, b in ((one, other), (other, one)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.octets += len(data)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


class Traffic:
    """Somebody always sends, until told not to. What was taken must arrive, once."""

    def __init__(self, federation):
        self.federation, self.taken, self.pairs, self.settled = federation, [], [(NORRBY, REGION)], 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending.wait(0.4):
            for pair in list(self.pairs):
                # Its own message service may be on its way up again: then the user tries again.
                with contextlib.suppress(OSError, http.client.HTTPException):
                    message_id, status, _ = self.federation.post(*pair)
                    if status == 202:
                        self.taken.append((*pair, message_id))

    def settle(self, seconds=60):
        """Everything that was taken so far is accepted; gives the number."""
        taken = list(self.taken)
        for sender, _, message_id in taken[self.settled:]:
            final = self.federation.wait_final(sender, message_id, seconds)
            tally.check(f"{message_id} is accepted", final and final["status"] == "ACCEPTED", str(final)[:600])
        self.settled = len(taken)
        return len(taken)

    def account(self):
        for participant in {one[1] for one in self.taken}:
            inbox = collections.Counter(m["messageId"] for m in self.federation.inbox(participant))
            for _, receiver, message_id in self.taken:
                if receiver == participant:
                    tally.check(f"{message_id} stands once in the inbox of {participant}", inbox[message_id] == 1, inbox[message_id])


class Life:
    def __init__(self, folder):
        self.folder = folder
        self.platform = platform = Platform(folder / "demo")
        self.admin = Administration(platform)
        self.outside = Outside(platform, folder / "seen")
        for name in ("ap1", "ap2", "mt-kommun", "mt-region"):  # what is known of others is asked for again soon
            self.cache_little(name)
        self.one = "/smp/operators/" + OPERATOR
        self.smp, self.document = platform.facts["smp"], {}

    def cache_little(self, name):
        config = self.platform.configs[name]
        table = "[ap]\n" if name.startswith("ap") else "[mt]\n"
        config.write_text(config.read_text().replace(table, table + "metadata_cache = 1\n", 1))

    def participant(self, smp="smp"):
        return f"{self.one}/participants/{quoted(NEW)}"

    # --- what anybody sees
    def nothing_to_find(self, name):
        wait_for(lambda: self.outside.smp_of(NEW) is None, 20, f"{name}: kdig still finds the name")
        tally.check(f"{name}: kdig finds no name", self.outside.smp_of(NEW) is None)
        for smp in {self.platform.facts["smp"], self.smp}:
            wait_for(lambda one=smp: self.outside.group(one, NEW)[0] == 404, 20, f"{name}: curl still gets the service group from {smp}")
            tally.check(f"{name}: curl gets 404 from {smp}", self.outside.metadata(smp, NEW)["status"] == 404)
        self.consistent(name)

    def found(self, name, uri, ap, o2o):
        """DNS, group and both documents say exactly this."""
        def whole():
            if self.outside.smp_of(NEW) != self.smp:
                return None
            seen = [self.outside.metadata(self.smp, NEW, document) for document in (MESSAGE, RECEIPT)]
            wanted = {"uri": [uri], "ap": [sha256(ap)], "o2o": sorted(sha256(one) for one in o2o)}
            return seen if all(one["status"] == 200 and {key: one[key] for key in wanted} == wanted for one in seen) else None
        seen = wait_for(whole, 30, lambda: f"{name}: NAPTR {self.outside.smp_of(NEW)}, metadata {self.outside.metadata(self.smp, NEW)}; wanted {self.smp} {uri} {sha256(ap)} {[sha256(c) for c in o2o]}")
        for one in seen:
            tally.check(f"{name}: xmlsec1 verifies what curl got", one["verified"], one["judge"])
        tally.check(f"{name}: the service group is there", self.outside.group(self.smp, NEW)[0] == 200)
        trust = self.platform.facts["trust"]
        for certificate, anchors in [(ap, trust["as4"]), *[(one, trust["o2o"]) for one in o2o]]:
            judged = sh("openssl", "verify", "-partial_chain", "-CAfile", anchors, "-untrusted", certificate, certificate, check=False)
            tally.check(f"{name}: openssl verifies {pathlib.Path(certificate).name}", judged.returncode == 0, judged.stdout + judged.stderr)
            said = self.outside.ocsp(certificate, trust["as4"] if anchors == trust["as4"] else anchors, self.platform.folder / "trust" / "crl-issuers.pem")
            tally.check(f"{name}: openssl ocsp says good of {pathlib.Path(certificate).name}", said == "good", said)
        self.consistent(name)

    def consistent(self, name):
        report = self.platform.consistency("--patience", "20")
        tally.check(f"{name}: SMP, locator, DNS, CertPub and PKI agree", not report["findings"], report["findings"])

    # --- the steps
    def operator(self):
        self.admin.call("PUT", self.one, {"name": "Västdrift AB"})
        tally.check("an operator has nothing at first", self.admin.call("GET", self.one + "/participants")["items"] == [])

    def certificates(self):
        keys = self.platform.folder
        for name in ("ap3", "mt-vast"):
            self.platform.add_host(f"{name}.{self.platform.zone}")
        certify = lambda *words, **more: self.platform.certify(self.admin, *words, **more)  # noqa: E731
        self.as4 = certify("ca-ap", "access-point", "AP0003-SDK-DEMO", "Västdrift AB", keys / "ap3/keys/as4")
        self.o2o = certify("ca-o2o", "organisation-both", ORGANISATION, ORGANISATION, keys / "mt-vast/keys/o2o-vastby.example.se")
        for where, host in (("ap3/keys/tls", "ap3." + self.platform.zone), ("mt-vast/keys/tls", "mt-vast." + self.platform.zone),
                            ("clients/operator-ap3", "operator-ap3." + self.platform.zone), ("clients/klient-vastby", "klient-vastby.vastby.example.se")):
            certify("ca-tls", "tls-function", host, "Västdrift AB", keys / where, dns=[host])
        for certificate, issuer in ((self.as4, "as4"), (self.o2o, "o2o")):
            judged = sh("openssl", "verify", "-partial_chain", "-CAfile", self.platform.facts["trust"][issuer], certificate, check=False)
            tally.check(f"openssl verifies the new {issuer} certificate", judged.returncode == 0, judged.stdout + judged.stderr)

    def own_processes(self):
        """The operator's access point and the participant's message service, configured like those of the region."""
        platform, ports = self.platform, {}
        words = {"0203:region-ost.example.se": NEW, "region-ost": "vastby", "Region Öst": ORGANISATION, "mt-region": "mt-vast", "AP0002": "AP0003", "ap2": "ap3"}
        for old, new in (("ap2", "ap3"), ("mt-region", "mt-vast")):
            text = platform.configs[old].read_text()
            for line in text.splitlines():
                if line.startswith("port = "):
                    ports.setdefault(line.split()[-1], str(free_port()))
            for a, b in {**words, **ports}.items():
                text = text.replace(a, b)
            config = platform.folder / new / f"{new}.toml"
            config.write_text(text)
            platform.configs[new] = config
            platform.processes[new] = Process(new, serve(config), platform.folder / new / "output.log")
            platform.processes[new].start()
        facts = platform.federation.participants[REGION]
        new_ports = {old: new for old, new in ports.items()}
        old_port = facts["messageService"].rsplit(":", 1)[1]
        client = platform.folder / "clients" / "klient-vastby"
        platform.federation.participants[NEW] = {"id": NEW, "messageService": f"https://mt-vast.{platform.zone}:{new_ports[old_port]}", "client": {"cert": f"{client}.crt", "key": f"{client}.key"},
                                                 "functions": [{"id": one["id"].replace("region-ost", "vastby")} for one in facts["functions"]]}
        old_port = next(one for one in platform.facts["accessPoints"] if one["name"] == "ap2")["url"].split(":")[2].split("/")[0]
        self.as4_port = int(new_ports[old_port])
        self.uri = f"https://ap3.{platform.zone}:{self.as4_port}/as4"

    def put_endpoint(self, uri, certificate, admin=None):
        (admin or self.admin).call("PUT", f"{self.one}/endpoints/ap3", {"uri": uri, "profile": PROFILE, "certificateSha256": sha256(certificate), "description": "Västdrift", "contact": "https://drift.example.se/"})

    def register(self, admin):
        admin.call("POST", self.one + "/ap-certificates", {"name": "AP0003", "certificate": first_pem(self.as4)})
        self.put_endpoint(self.uri, self.as4, admin)
        admin.call("POST", self.one + "/participants", {"id": NEW, "organisation": ORGANISATION})
        for use in ("signing", "encryption"):
            self.publish_certificate(self.o2o, use, admin)
        for document in (MESSAGE, RECEIPT):
            admin.call("POST", self.participant() + "/services", {"document": document, "endpoints": ["ap3"]})

    def publish_certificate(self, certificate, use, admin=None):
        (admin or self.admin).call("POST", self.participant() + "/certificates", {"use": use, "certificate": first_pem(certificate)})

    def exchange(self, name):
        """Both ways, once, and everything that traffic has sent."""
        ids = [(*pair, self.platform.federation.post(*pair)) for pair in ((NORRBY, NEW), (NEW, NORRBY))]
        for sender, receiver, (message_id, status, answer) in ids:
            tally.check(f"{name}: a message to {receiver} is taken", status == 202, answer)
            final = self.platform.federation.wait_final(sender, message_id, 60)
            tally.check(f"{name}: and accepted", final and final["status"] == "ACCEPTED", str(final)[:800])

    def move_endpoint(self):
        self.forwarder = Forwarder(self.as4_port)
        self.uri = f"https://ap3.{self.platform.zone}:{self.forwarder.port}/as4"
        change = {"change": "endpoint.put", "operator": OPERATOR, "name": "ap3", "uri": self.uri, "profile": PROFILE, "certificateSha256": sha256(self.as4), "description": "Västdrift", "contact": "https://drift.example.se/"}
        preview = self.admin.call("POST", f"{self.one}/previews", {"change": change})
        tally.check("the preview says what would change", preview["participants"] == 1, preview)
        bulk = self.admin.call("POST", f"{self.one}/bulk-changes", {"change": change})
        done = wait_for(lambda: (one := self.admin.call("GET", f"{self.one}/bulk-changes/{bulk['id']}"))["state"] != "signing" and one, 30, "the bulk change does not end")
        tally.check("the bulk change is done", done["state"] == "done", done)

    def roll_as4(self, traffic):
        keys, config = self.platform.folder / "ap3" / "keys", self.platform.configs["ap3"]
        new = self.platform.certify(self.admin, "ca-ap", "access-point", "AP0003-SDK-DEMO", "Västdrift AB", keys / "as4-2")
        text = config.read_text()
        config.write_text(text + '\n[[ap.as4_next]]\nkey = "keys/as4-2.key"\ncertificate = "keys/as4-2.crt"\n')
        sh(BUDKAVLE, "reload", "--config", config)
        self.admin.call("POST", self.one + "/ap-certificates", {"name": "AP0003 2", "certificate": first_pem(new)})
        self.admin.call("POST", f"{self.one}/ap-certificates/{sha256(self.as4)}/replacement", {"by": sha256(new)})
        old, self.as4 = self.as4, new
        self.found("the new AS4 certificate is published", self.uri, self.as4, [self.o2o])
        time.sleep(1.5)  # what senders may remember
        text = text.replace("keys/as4.key", "keys/as4-2.key").replace("keys/as4.crt", "keys/as4-2.crt")
        config.write_text(text + '\n[[ap.as4_previous]]\nkey = "keys/as4.key"\ncertificate = "keys/as4.crt"\n')
        sh(BUDKAVLE, "reload", "--config", config)
        self.exchange("with the new AS4 certificate")
        traffic.settle()
        self.admin.call("DELETE", f"{self.one}/ap-certificates/{sha256(old)}")
        self.platform.revoke(self.admin, old, "ca-ap")
        said = self.outside.ocsp(old, self.platform.facts["trust"]["as4"], self.platform.folder / "trust" / "crl-issuers.pem")
        tally.check("openssl ocsp says revoked of the old AS4 certificate", said == "revoked", said)

    def roll_o2o(self, traffic):
        keys, config = self.platform.folder / "mt-vast" / "keys", self.platform.configs["mt-vast"]
        new = self.platform.certify(self.admin, "ca-o2o", "organisation-both", ORGANISATION, ORGANISATION, keys / "o2o-2")
        first, second = '{ key = "keys/o2o-vastby.example.se.key", certificate = "keys/o2o-vastby.example.se.crt" }', '{ key = "keys/o2o-2.key", certificate = "keys/o2o-2.crt" }'
        text = config.read_text()
        assert first in text, text
        config.write_text(text.replace(first, first + ", " + second))
        self.platform.processes["mt-vast"].restart()
        for use in ("signing", "encryption"):
            self.publish_certificate(new, use)
        self.found("the new O2O certificate is published beside the old one", self.uri, self.as4, [self.o2o, new])
        time.sleep(1.5)
        config.write_text(text.replace(first, second + ", " + first))
        self.platform.processes["mt-vast"].restart()
        old, self.o2o = self.o2o, new
        self.exchange("with the new O2O certificate")
        traffic.settle()
        for use in ("signing", "encryption"):
            self.admin.call("DELETE", f"{self.participant()}/certificates/{use}/{sha256(old)}?reason=bytt")
        self.found("the old O2O certificate is withdrawn", self.uri, self.as4, [self.o2o])
        time.sleep(1.5)
        self.platform.revoke(self.admin, old, "ca-o2o")
        said = self.outside.ocsp(old, self.platform.facts["trust"]["o2o"], self.platform.folder / "trust" / "crl-issuers.pem")
        tally.check("openssl ocsp says revoked of the old O2O certificate", said == "revoked", said)

    def second_smp(self):
        platform = self.platform
        data = platform.folder / "smp2" / "data"
        data.mkdir(parents=True)
        url, self.second = second_smp(platform, self.admin, f'database = "{data}/registry.db"')
        for name in ("smp2-admin", "smp2"):
            platform.processes[name].start()
        return url

    def migrate(self):
        url, key = self.second_smp(), "Ab12!?Cd34xy"
        first, second = self.admin, self.second
        second.call("PUT", self.one, {"name": "Västdrift AB"})
        self.register(second)
        second.call("POST", self.participant() + "/status", {"status": "approved"})
        wait_for(lambda: self.outside.group(url, NEW)[0] == 200, 20, "the second SMP does not publish")
        first.call("POST", "/sml/publishers/SMP-SDK-DEMO/migration-preparations", {"participant": "iso6523-actorid-upis::" + NEW, "key": key})
        first.call("POST", "/sml/publishers/SMP-SDK-DEMO-2/migrations", {"participant": "iso6523-actorid-upis::" + NEW, "key": key})
        self.smp = url
        wait_for(lambda: self.outside.smp_of(NEW) == url, 20, lambda: f"NAPTR {self.outside.smp_of(NEW)}")
        second.call("POST", self.participant() + "/publication")
        time.sleep(1.5)  # as long as somebody may remember the old one
        first.call("DELETE", self.participant() + "?reason=flyttad")
        self.found("it is at the second SMP", self.uri, self.as4, [self.o2o])
        wait_for(lambda: self.outside.group(self.platform.facts["smp"], NEW)[0] == 404, 20, "the first SMP still serves it")

    def suspend(self, suspended):
        self.second.call("POST", self.participant() + "/suspension", {"suspended": suspended, "reason": "kontroll"})


def main():
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="budkavle-life-"))
    life = None
    traffic = None
    try:
        step("a federation without the participant")
        life = Life(scratch)
        life.platform.start()
        for participant in (NORRBY, REGION):
            wait_for(lambda one=participant: life.outside.smp_of(one), 30, f"{participant} is not in DNS")
        traffic = Traffic(life.platform.federation)
        life.nothing_to_find("before its life")
        step("operator approved")
        life.operator()
        step("certificates issued: request, fingerprint read back, approval, each by another person")
        life.certificates()
        life.own_processes()
        step("participant registered: nobody sees it")
        life.register(life.admin)
        life.nothing_to_find("registered, not approved")
        step("approved, published, found by DNS")
        life.admin.call("POST", life.participant() + "/status", {"status": "approved"})
        life.found("approved", life.uri, life.as4, [life.o2o])
        step("messages exchanged, from now on without a pause")
        life.exchange("the first messages")
        traffic.pairs += [(NORRBY, NEW), (NEW, NORRBY)]
        step("endpoint moved")
        life.move_endpoint()
        life.found("endpoint moved", life.uri, life.as4, [life.o2o])
        time.sleep(1.5)
        before = life.forwarder.octets
        life.exchange("at the new address")
        tally.check("messages come to the new address", life.forwarder.octets > before + 1000, life.forwarder.octets)
        step("AS4 certificate rolled")
        life.roll_as4(traffic)
        life.found("AS4 certificate rolled", life.uri, life.as4, [life.o2o])
        step("O2O certificate rolled")
        life.roll_o2o(traffic)
        life.found("O2O certificate rolled", life.uri, life.as4, [life.o2o])
        step("migrated to another SMP")
        life.migrate()
        life.exchange("after the migration")
        life.found("migrated", life.uri, life.as4, [life.o2o])
        step("suspended")
        traffic.pairs = [(NORRBY, REGION)]
        time.sleep(1)  # whoever was just sending has sent
        traffic.settle()
        life.suspend(True)
        life.nothing_to_find("suspended")
        time.sleep(1.5)
        # One who sends nothing else to it: a sender may remember for a minute that somebody is not registered.
        message_id, status, answer = life.platform.federation.post(REGION, NEW)
        final = life.platform.federation.wait_final(REGION, message_id, 60)
        tally.check("a sender is told that it is not registered", final and "not_registered" in str(final), f"{status} {answer} {final}")
        step("suspension ended")
        life.suspend(False)
        life.found("suspension ended", life.uri, life.as4, [life.o2o])
        time.sleep(1.5)
        life.exchange("after the suspension")
        step("deregistered")
        life.second.call("DELETE", life.participant() + "?reason=avslutad")
        life.nothing_to_find("deregistered")
        traffic.ending.set()
        traffic.thread.join()
        count = traffic.settle()
        traffic.account()
        step(f"{count} messages taken while it lived, all accepted, each once in its inbox")
        tally.check("there was traffic", count >= 20, count)
    finally:
        if traffic:
            traffic.ending.set()
        if life:
            life.platform.stop()
        if "--keep" not in sys.argv:
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            print(scratch)
    tally.finish(at_least=80)


if __name__ == "__main__":
    main()
