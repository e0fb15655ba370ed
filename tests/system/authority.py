"""The platform owner of a prepared demo as tests play it: processes one by one, administration API with two persons, PKI with two persons, further SMPs."""
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse

from federation import Client, Federation
from support import BUDKAVLE

MESSAGE = "urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base-ext-sigenc"
RECEIPT = ("urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse##fdc:digg.se:edelivery:messagetype:response:1::2.1::"
           "tm-base-ext-sigenc")
PROFILE = "digg-transport-as4-v1_0"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def sh(*words, cwd=None, check=True, stdin=None):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=cwd, input=stdin, timeout=120)
    assert not check or done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
    return done


def wait_for(what, seconds, why, pause=0.1):
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(why() if callable(why) else why)
        time.sleep(pause)


class Process:
    """One server process; started anew with the same command."""

    def __init__(self, name, command, output):
        self.name, self.command, self.output, self.process = name, command, output, None
        self.ready = command[0] == BUDKAVLE or "serve" in command

    def start(self, wait=True):
        read, write = os.pipe()
        command = [*self.command, "--ready-fd", str(write)] if self.ready else self.command
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[write] if self.ready else [])
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            if wait and self.ready and not pipe.read():
                raise AssertionError(f"{self.name} does not start: {pathlib.Path(self.output).read_text(errors='replace')[-600:]}")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def end(self, how=signal.SIGTERM):
        if self.alive():
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def restart(self):
        self.end()
        self.start()


def serve(config):
    return [BUDKAVLE, "serve", *(["--allow-root"] if os.getuid() == 0 else []), "--config", str(config)]


class Platform:
    """A demo that was laid out and is not running: its folder, its PKI, its processes."""

    def __init__(self, folder, *options):
        self.facts = json.loads(sh(BUDKAVLE, "demo", "--data", folder, "--prepare", "--json", *options).stdout)
        self.folder = pathlib.Path(self.facts["data"])
        self.federation = Federation(self.facts)
        self.zone = self.facts["zone"]
        self.processes = {}
        for one in self.facts["processes"]:
            self.processes[one["name"]] = Process(one["name"], one["command"], one["output"])
        self.configs = {name: self.folder / name / f"{name}.toml" for name in ("ca", "sml", "smp", "ap1", "ap2", "mt-kommun", "mt-region")}
        self.issued = 0

    def start(self, *names):
        for name in names or self.processes:
            self.processes[name].start()
            if name == "dns":
                wait_for(lambda: self.dig("SOA", self.zone), 30, "the name server does not answer")

    def stop(self):
        for one in reversed(self.processes.values()):
            one.end()

    def dig(self, kind, name):
        return sh("kdig", "@127.0.0.1", "-p", self.facts["dnsPort"], "+short", "+timeout=2", "+retry=1", name, kind, check=False).stdout.strip()

    def add_host(self, name):
        """An address record in the zone, as the operator of the name server writes it."""
        knotc = ["knotc", "-c", str(self.folder / "dns" / "knot.conf")]
        for words in (["zone-begin", self.zone], ["zone-set", self.zone, name + ".", "60", "A", "127.0.0.1"], ["zone-commit", self.zone]):
            sh(*knotc, *words)

    # --- PKI: one person takes in, a second one has the key read back, a third one approves
    def certify(self, administration, ca, profile, name, organisation, where, dns=(), bits=3072):
        """Makes WHERE.key and has WHERE.crt issued for it, with its chain."""
        where.parent.mkdir(parents=True, exist_ok=True)
        key, request, certificate = (where.with_name(where.name + end) for end in (".key", ".csr", ".crt"))
        sh("openssl", "req", "-new", "-newkey", f"rsa:{bits}", "-nodes", "-keyout", key, "-subj", f"/O={organisation}/CN=x", "-out", request)
        key.chmod(0o600)
        order = {"ca": ca, "profile": profile, "commonName": name, "organisation": organisation, "request": request.read_text(), **({"dnsNames": list(dns)} if dns else {})}
        taken = administration.call("POST", "/pki/requests", order, who="pia")
        one = f"/pki/requests/{taken['id']}"
        administration.call("POST", one + "/verification", {"keySha256": taken["keySha256"], "note": "Ringt."}, who="per")
        administration.call("POST", one + "/approval", {"note": "Avtal finns."}, who="pim")
        made = administration.call("POST", one + "/certificate", who="pim")
        chain = administration.call("GET", f"/pki/certificates/{ca}/{made['serial']}/chain", who="pia", plain=True)
        # The root stays away, as TLS wants it.
        certificate.write_text("".join(one for one in pems(chain) if not self_issued(one)))
        return certificate

    def revoke(self, administration, certificate, ca, reason="superseded"):
        serial = int(sh("openssl", "x509", "-in", certificate, "-noout", "-serial").stdout.split("=")[1], 16)
        asked = administration.call("POST", f"/pki/certificates/{ca}/{serial}/revocation", {"crlReason": reason, "cause": "Bytt enligt plan."}, who="pia")
        administration.call("POST", f"/pki/requests/{asked['id']}/approval", {"note": "Ja."}, who="pim")

    def consistency(self, *more, configs=None):
        """The findings of `budkavle consistency`."""
        files = configs or [self.configs[name] for name in self.configs if name in ("smp", "sml", "ca") or name.startswith("smp")]
        done = sh(BUDKAVLE, "consistency", *[word for file in files for word in ("--config", file)], "--json", *more, check=False)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return json.loads(done.stdout)


def pems(text):
    end = "-----END CERTIFICATE-----"
    return [part[part.index("-----BEGIN"):] + end + "\n" for part in text.split(end)[:-1]]


def first_pem(file):
    return pems(pathlib.Path(file).read_text())[0]


def self_issued(pem):
    names = sh("openssl", "x509", "-noout", "-subject", "-issuer", stdin=pem).stdout.splitlines()
    return names[0].split("=", 1)[1].strip() == names[1].split("=", 1)[1].strip()


def sha256(pem_file):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first_pem(pem_file))).hexdigest()


class Refused(AssertionError):
    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


class Administration:
    """The administration API, with the persons of the demo."""

    def __init__(self, platform, url=None):
        self.platform = platform
        admin = platform.facts["admin"]
        self.url = url or admin["url"]
        trust = platform.facts["trust"]["tls"]
        self.persons = {one["name"]: Client(self.url, one["cert"], one["key"], trust, 30) for one in admin["accounts"]}

    @classmethod
    def beside(cls, platform, name, tables, first=""):
        """One more service for the registers in `tables` (TOML below [admin]), where Anna and Bo are the first administrators."""
        folder = platform.folder / name
        folder.mkdir(exist_ok=True)
        config, port = folder / f"{name}.toml", free_port()
        keys = platform.folder / "ca" / "keys"
        config.write_text(f"""{log_and_keys(name)}[admin]
{first or 'database = "admin.db"'}
address = "127.0.0.1"
port = {port}
key = "{keys}/admin.key"
certificate = "{keys}/admin.crt"
client_trust = ["{platform.facts['trust']['tls']}"]
revocation_when_present = true
hosts = ["127.0.0.1"]
{tables}
""")
        for one in platform.facts["admin"]["accounts"]:
            if one["name"] in ("anna", "bo"):
                sh(BUDKAVLE, "admin", "first-account", "--config", config, "--person", f"P-{one['name']}", "--name", one["name"], "--certificate", one["cert"])
        platform.processes[name] = Process(name, serve(config), folder / "output.log")
        platform.configs[name] = config
        return cls(platform, f"https://127.0.0.1:{port}")

    def raw(self, who, method, path, body=None, key=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if key:
            headers["Idempotency-Key"] = key
        status, _, octets = self.persons[who].request(method, "/admin/v1" + path, json.dumps(body) if body is not None else None, headers)
        return status, octets

    def call(self, method, path, body=None, who="anna", key=None, plain=False):
        """What one person asks for; Bo approves where it takes two. Raises Refused."""
        status, octets = self.raw(who, method, path, body, key)
        if status >= 300:
            raise Refused(status, octets.decode())
        if plain:
            return octets.decode()
        answer = json.loads(octets) if octets else None
        if status == 202 and "case" in answer:
            status, octets = self.raw("bo", "POST", f"/cases/{answer['case']}/approval")
            answer = json.loads(octets)
            if status >= 300 or answer["state"] != "done":
                raise Refused(status, answer)
        return answer


def second_smp(platform, admin, store, *replaced):
    """A second SMP at the same locator, smp2, and the administration of its register, smp2-admin; both are still to be started. `store` is the TOML of its register's
    database, `replaced` what its service has instead of the first one's."""
    host, keys, trust = "smp2." + platform.zone, platform.folder / "smp2" / "keys", platform.facts["trust"]
    platform.add_host(host)
    platform.certify(admin, "root-smp", "smp-signing", "SMP-SDK-DEMO-2", "Plattformsansvarig (demo)", keys / "signer")
    tls = platform.certify(admin, "ca-tls", "tls-function", host, "Plattformsansvarig (demo)", keys / "tls", dns=[host])
    admin.call("PUT", "/sml/accounts/smp2", {"domain": platform.zone, "certificate": first_pem(tls), "reason": "en andra SMP"})
    port, old = free_port(), platform.facts["smp"]
    url = f"https://{host}:{port}/"
    text = platform.configs["smp"].read_text()
    for before, after in ((old, url), (f"port = {old.rsplit(':', 1)[1].strip('/')}\n", f"port = {port}\n"), (f'"smp.{platform.zone}"', f'"{host}"'),
                          ('"SMP-SDK-DEMO"', '"SMP-SDK-DEMO-2"'), *replaced):
        text = text.replace(before, after)
    config = platform.folder / "smp2" / "smp2.toml"
    config.write_text(text)
    platform.configs["smp2"] = config
    platform.processes["smp2"] = Process("smp2", serve(config), platform.folder / "smp2" / "output.log")
    return url, Administration.beside(platform, "smp2-admin", f"""[admin.smp]
base_url = "{url}"
signing_key = "{keys}/signer.key"
signing_certificate = "{keys}/signer.crt"
smp_trust = "{trust['smp']}"
ap_trust = "{trust['as4']}"
o2o_trust = "{trust['o2o']}"
revocation_when_present = true
{store}
""")


def log_and_keys(component):
    return f"[log]\nfolder = \"log\"\ncomponent = \"{component}\"\n\n[keys]\nplain = true\n\n"


def quoted(text):
    return urllib.parse.quote(text, safe="")


class Outside:
    """What anybody sees: names by kdig, octets by curl, signatures by xmlsec1, chains and revocation by openssl."""

    def __init__(self, platform, folder):
        self.platform, self.folder = platform, folder
        folder.mkdir(exist_ok=True)
        self.trust = platform.facts["trust"]
        self.count = 0

    def name(self, participant):
        import base64
        label = base64.b32encode(hashlib.sha256(participant.lower().encode()).digest()).decode().rstrip("=").lower()
        return f"{label}.iso6523-actorid-upis.{self.platform.zone}"

    def smp_of(self, participant):
        """The address that the NAPTR record says; None when the name is not there."""
        text = sh("kdig", "@127.0.0.1", "-p", self.platform.facts["dnsPort"], "+timeout=2", self.name(participant), "NAPTR").stdout
        records = [line for line in text.splitlines() if "\tNAPTR\t" in line]
        if not records:
            assert "NXDOMAIN" in text or "NOERROR" in text, text
            return None
        assert len(records) == 1, text
        return records[0].split("!")[2]

    def get(self, url):
        self.count += 1
        file = self.folder / f"{self.count}.xml"
        parts = urllib.parse.urlsplit(url)
        done = sh("curl", "-s", "--max-time", "10", "--cacert", self.trust["tls"], "--resolve", f"{parts.hostname}:{parts.port}:127.0.0.1", "-o", file, "-w", "%{http_code}", url, check=False)
        return int(done.stdout or 0), file

    def group(self, smp, participant):
        return self.get(f"{smp}{quoted('iso6523-actorid-upis::' + participant)}")

    def metadata(self, smp, participant, document=MESSAGE):
        """Endpoint address, fingerprints of its certificate and of those in CertPub; the signature verified by xmlsec1."""
        import base64
        import xml.etree.ElementTree as ElementTree
        status, file = self.get(f"{smp}{quoted('iso6523-actorid-upis::' + participant)}/services/{quoted('busdox-docid-qns::' + document)}")
        if status != 200:
            return {"status": status}
        judged = sh("xmlsec1", "--verify", "--enabled-reference-uris", "empty", "--enabled-key-data", "x509", "--trusted-pem", self.trust["smp"], file, check=False)
        tree = ElementTree.parse(file)
        texts = lambda tag: [one.text.strip() for one in tree.iter() if one.tag.split("}")[1] == tag and (one.text or "").strip()]  # noqa: E731
        prints = lambda values: sorted({hashlib.sha256(base64.b64decode("".join(one.split()))).hexdigest() for one in values})  # noqa: E731
        return {"status": status, "verified": judged.returncode == 0, "judge": judged.stderr, "uri": texts("EndpointURI"), "ap": prints(texts("Certificate")),
                "o2o": prints(texts("ContentBinaryObject"))}

    def ocsp(self, certificate, issuers, ca_file):
        """What the PKI's responder says, asked by openssl."""
        issuer = self.folder / "issuer.pem"
        name = sh("openssl", "x509", "-in", certificate, "-noout", "-issuer").stdout.split("=", 1)[1].strip()
        for one in pems(pathlib.Path(issuers).read_text()):
            if sh("openssl", "x509", "-noout", "-subject", stdin=one).stdout.split("=", 1)[1].strip() == name:
                issuer.write_text(one)
        done = sh("openssl", "ocsp", "-issuer", issuer, "-cert", certificate, "-url", f"http://127.0.0.1:{urllib.parse.urlsplit(self.platform.facts['pki']).port}/ocsp",
                  "-CAfile", ca_file, "-header", f"Host={urllib.parse.urlsplit(self.platform.facts['pki']).hostname}", check=False)
        for word in ("good", "revoked", "unknown"):
            if f": {word}" in done.stdout:
                return word
        return done.stdout + done.stderr
