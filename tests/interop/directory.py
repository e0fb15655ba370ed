"""Our locator zone and SMP before the BDXL and SMP clients of peppol-commons: DNS by a real name server, TLS, signature and signer by their code."""
import hashlib
import json
import pathlib
import ssl
import subprocess
import urllib.parse

import peer as foreign
from chain import NORRBY, REGION

DOCUMENT = "urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base-ext-sigenc"
RECEIPT = ("urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse##fdc:digg.se:edelivery:messagetype:response:1::2.1::"
           "tm-base-ext-sigenc")


class Looker:
    """The Java program with one look-up after the other."""

    def __init__(self, federation, folder):
        self.federation = federation
        folder.mkdir(parents=True, exist_ok=True)
        facts = federation.facts
        hosts = folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n127.0.0.1 {urllib.parse.urlsplit(facts['smp']).hostname}\n")
        self.log = open(folder / "directory.log", "ab")  # noqa: SIM115 as long as the process
        self.process = subprocess.Popen(["java", f"-Ddns.server=127.0.0.1:{facts['dnsPort']}", f"-Djdk.net.hosts.file={hosts}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                                         "-cp", foreign.classpath(), "budkavle.interop.Directory"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def look(self, participant, document=DOCUMENT, **more):
        facts = self.federation.facts
        order = {"scheme": "iso6523-actorid-upis", "participant": participant, "zone": facts["zone"], "tlsTrust": facts["trust"]["tls"], "smpTrust": facts["trust"]["smp"],
                 "documentScheme": "busdox-docid-qns", "document": document, "processScheme": "urn:fdc:digg.se:edelivery:process", "process": "bdx:noprocess",
                 "profile": "digg-transport-as4-v1_0", **more}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.log.close()


def run(cases, federation, folder):
    check = cases.check
    looker = Looker(federation, folder)
    try:
        for participant in (NORRBY, REGION):
            ap = next(one for one in federation.facts["accessPoints"] if one["name"] == federation.participants[participant]["accessPoint"])
            wanted = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first(pathlib.Path(ap["cert"]).read_text()))).hexdigest()
            plain = looker.look(participant)
            check(f"{participant}: BDXL client finds our SMP by its NAPTR record", plain.get("smp", "").rstrip("/") == federation.facts["smp"].rstrip("/"), plain)
            check(f"{participant}: service group, both message types", plain.get("group") and len(plain["documents"]) >= 2 and any(DOCUMENT in urllib.parse.unquote(one) for one in plain["documents"]), plain)
            check(f"{participant}: metadata, schema, signature and signer verified, endpoint and certificate right",
                  plain.get("metadata") and plain["endpoint"] == ap["url"] and plain["certificate"] == wanted, plain)
            receipt = looker.look(participant, RECEIPT)
            check(f"{participant}: the same for receipts", receipt.get("metadata") and receipt["endpoint"] == ap["url"], receipt)
            shouted = looker.look(participant.upper(), DOCUMENT)
            check(f"{participant}: in capitals the same record and the same endpoint", shouted.get("name") == plain.get("name") and shouted.get("endpoint") == ap["url"], shouted)
        nobody = looker.look("0203:okand.example.se")
        check("an unknown participant is in no zone", not nobody["ok"] and any("DNS" in text or "NAPTR" in text for text in nobody["problems"]), nobody)
        nothing = looker.look(NORRBY, "urn:finns-inte::x##1::y")
        check("an unknown document is 404, not an error", nothing["ok"] and nothing["group"] and not nothing["metadata"], nothing)
        other = looker.look(NORRBY, smpTrust=federation.facts["trust"]["o2o"])
        check("under another anchor the signer is refused", not other["ok"], other)
        unknown = looker.look(NORRBY, tlsTrust=federation.facts["trust"]["o2o"])
        check("under another anchor the server is refused", not unknown["ok"] and any("SSL" in text or "PKIX" in text for text in unknown["problems"]), unknown)
    finally:
        looker.stop()


def first(pem):
    end = "-----END CERTIFICATE-----"
    return pem[:pem.index(end) + len(end)] + "\n"
