"""What the platform services give out, before foreign tools over real sockets: xmlsec1 on every document that the SMP serves; openssl on
chains, revocation lists, OCSP and CMP of a running authority; and the DNS answers of the vectors, served by Knot, before our client."""
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.parse

from chain import NORRBY, REGION
from directory import DOCUMENT, RECEIPT
from support import BUDKAVLE, ROOT, run as budkavle

VECTORS = ROOT / "tests" / "vectors" / "smp-vectors"
METADATA = "http://busdox.org/serviceMetadata/publishing/1.0/:SignedServiceMetadata"


def shell(folder, command, timeout=120):
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=timeout)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetched(federation, path, file):
    """One document of the demo's SMP, by curl under the demo's trust."""
    url = urllib.parse.urlsplit(federation.facts["smp"])
    done = subprocess.run(["curl", "-sS", "--fail", "--cacert", federation.facts["trust"]["tls"], "--resolve", f"{url.hostname}:{url.port}:127.0.0.1", "-o", str(file),
                           federation.facts["smp"].rstrip("/") + path], capture_output=True, text=True, check=False)
    return done.returncode == 0


def metadata(cases, federation, folder):
    """xmlsec1 with our trust anchors alone; one octet changed, and it must say no."""
    folder.mkdir(parents=True, exist_ok=True)
    trust = federation.facts["trust"]["smp"]
    judge = ["xmlsec1", "--verify", "--trusted-pem", trust, "--enabled-reference-uris", "empty", "--enabled-key-data", "x509"]
    for participant in (NORRBY, REGION):
        for document in (DOCUMENT, RECEIPT):
            path = budkavle("smp", "url", participant, "busdox-docid-qns::" + document).stdout.decode().strip()
            file = folder / "metadata.xml"
            name = f"{participant}, {'receipts' if document == RECEIPT else 'messages'}"
            if cases.check(f"curl gets the metadata of {name}", fetched(federation, path, file), path):
                good = subprocess.run([*judge, str(file)], capture_output=True, text=True)
                cases.check(f"xmlsec1 verifies the metadata of {name}", good.returncode == 0, good.stderr)
                file.write_bytes(file.read_bytes().replace(participant.encode(), participant.upper().encode(), 1))
                bad = subprocess.run([*judge, str(file)], capture_output=True, text=True)
                cases.check(f"xmlsec1 refuses it with one name changed, {name}", bad.returncode != 0, bad.stderr)


@contextlib.contextmanager
def authority(folder):
    """An authority of its own: an issuing CA, its lists, its OCSP responder and CMP, on a free port."""
    folder.mkdir(parents=True)
    (folder / "passphrase").write_text("en lång lösenfras\n")
    (folder / "passphrase").chmod(0o600)
    port = free_port()
    config = folder / "ca.toml"
    config.write_text(f"[log]\nfolder = \"log\"\ncomponent = \"ca\"\n[ca]\naddress = \"127.0.0.1\"\nport = {port}\nfolder = \"authority\"\npassphrase_file = \"passphrase\"\n"
                      f"base_urls = [\"http://127.0.0.1:{port}\"]\ncmp = true\ncmp_poll_seconds = 1\nowner = {{ organisation = \"Exempelmyndigheten\", organisational_unit = \"eDelivery\" }}\n")
    made = budkavle("pki", "root", "--config", config, "--who", "anna", "--id", "ap", "--name", "Accesspunkt CA", "--purpose", "access-point", "--out", folder / "ca.pem")
    if made.returncode != 0:
        raise SystemExit(f"no authority: {made.stderr.decode()}")
    with open(folder / "out", "ab") as output:
        process = subprocess.Popen([BUDKAVLE, "serve", "--config", str(config), *(["--allow-root"] if os.geteuid() == 0 else [])], stdout=output, stderr=output)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                raise SystemExit((folder / "out").read_text())
            time.sleep(0.05)
        yield config, port
    finally:
        process.terminate()
        process.wait(timeout=30)


def answer(*arguments):
    return json.loads(budkavle(*arguments, "--json").stdout)


def issue(folder, config, name):
    """A certificate for a key that openssl made: one person takes in and verifies, another approves."""
    shell(folder, f"openssl req -newkey rsa:3072 -nodes -keyout {name}.key -subj /O=Exempelkommun/CN=x -out {name}.csr")
    request = answer("pki", "request", folder / f"{name}.csr", "--config", config, "--who", "anna", "--ca", "ap", "--profile", "access-point", "--name", name, "--organisation", "Exempelkommun")
    budkavle("pki", "verify", "--config", config, "--who", "anna", "--id", request["id"], "--fingerprint", request["keySha256"], "--note", "Ringt.")
    budkavle("pki", "approve", "--config", config, "--who", "bo", "--id", request["id"], "--note", "Avtal finns.")
    budkavle("pki", "deliver", "--config", config, "--who", "bo", "--id", request["id"], "--out", folder / f"{name}.pem")
    return int(shell(folder, f"openssl x509 -in {name}.pem -noout -serial").stdout.strip().split("=")[1], 16)


def pki(cases, folder):
    check = cases.check
    with authority(folder) as (config, port):
        serial = issue(folder, config, "AP0001-LAB")
        issue(folder, config, "AP0002-LAB")
        ask = f"openssl ocsp -issuer ca.pem -CAfile ca.pem -url http://127.0.0.1:{port}/ocsp -resp_text"
        for what, more in (("SHA-1, nonce", "-cert AP0001-LAB.pem"), ("SHA-1, no nonce", "-no_nonce -cert AP0001-LAB.pem"), ("SHA-256", "-sha256 -cert AP0001-LAB.pem"),
                           ("two certificates in one request", "-cert AP0001-LAB.pem -cert AP0002-LAB.pem")):
            good = shell(folder, f"{ask} {more}")
            check(f"openssl ocsp, {what}: verified and good", good.returncode == 0 and "Response verify OK" in good.stderr and "good" in good.stdout and "WARNING" not in good.stderr,
                  good.stdout[-600:] + good.stderr)
        unknown = shell(folder, f"{ask} -serial 4711")
        check("openssl ocsp: a serial that was never issued is not good", ": good" not in unknown.stdout, unknown.stdout[-600:] + unknown.stderr)
        renewal(cases, folder, config, port)
        request = answer("pki", "revoke-request", "--config", config, "--who", "anna", "--ca", "ap", "--serial", serial, "--reason", "keyCompromise", "--cause", "Nyckeln har läckt.")
        budkavle("pki", "approve", "--config", config, "--who", "bo", "--id", request["id"], "--note", "Ja.")
        for _ in range(50):  # the responder is another process than the command; it looks four times a second
            revoked = shell(folder, f"{ask} -cert AP0001-LAB.pem")
            if ": good" not in revoked.stdout:
                break
            time.sleep(0.1)
        check("openssl ocsp: revoked, with its reason", "revoked" in revoked.stdout and "keyCompromise" in revoked.stdout, revoked.stdout[-600:] + revoked.stderr)
        point = re.search(r"URI:(\S+\.crl)", shell(folder, "openssl x509 -in AP0001-LAB.pem -noout -ext crlDistributionPoints").stdout)
        check("the certificate names its list", point is not None)
        got = shell(folder, f"curl -sS --fail -o ap.crl {point.group(1)} && openssl crl -inform DER -in ap.crl -CAfile ca.pem -noout && openssl crl -inform DER -in ap.crl -out ap.crl.pem")
        check("openssl verifies the list from its own address", got.returncode == 0 and "verify OK" in got.stderr, got.stderr)
        for name, wanted in (("AP0001-LAB", False), ("AP0002-LAB", True)):
            verdict = shell(folder, f"openssl verify -crl_check -CAfile ca.pem -CRLfile ap.crl.pem {name}.pem")
            check(f"openssl verify with the list: {name} is {'good' if wanted else 'revoked'}", (verdict.returncode == 0) == wanted and (wanted or "revoked" in verdict.stdout + verdict.stderr),
                  verdict.stdout + verdict.stderr)


def renewal(cases, folder, config, port):
    """RFC 4210 key update: the machine waits until somebody approves."""
    shell(folder, "openssl genrsa -out new.key 3072")
    ask = (f"openssl cmp -cmd kur -server 127.0.0.1:{port} -path cmp/ap -cert AP0002-LAB.pem -key AP0002-LAB.key -newkey new.key -certout new.pem -trusted ca.pem "
           "-recipient '/CN=Accesspunkt CA' -total_timeout 60")
    machine = subprocess.Popen(["bash", "-c", ask], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    waiting = []
    for _ in range(100):
        waiting = answer("pki", "requests", "--config", config, "--state", "verified")["requests"]
        if waiting or machine.poll() is not None:
            break
        time.sleep(0.1)
    cases.check("openssl cmp: the request waits for a person", len(waiting) == 1 and machine.poll() is None and not (folder / "new.pem").exists(), waiting)
    for one in waiting:
        budkavle("pki", "approve", "--config", config, "--who", "bo", "--id", one["id"], "--note", "Byte enligt plan.")
    said = machine.communicate(timeout=90)[0]
    both = shell(folder, "openssl verify -CAfile ca.pem new.pem && openssl x509 -in new.pem -noout -subject && openssl x509 -in AP0002-LAB.pem -noout -subject")
    names = [line for line in both.stdout.splitlines() if line.startswith("subject")]
    cases.check("openssl cmp: the new certificate has the old names, verified by openssl", both.returncode == 0 and len(names) == 2 and names[0] == names[1], said + both.stdout + both.stderr)


def records(cases, folder):
    """naptr-vectors.json in a zone of the laboratory, served by Knot: what comes back is read by our client as the vector says."""
    folder.mkdir(parents=True)
    vectors = json.loads((VECTORS / "naptr-vectors.json").read_text())["naptr"]
    zone = (VECTORS / "dns-lab" / "sml.test.zone").read_text().rstrip() + "\n"
    for number, vector in enumerate(vectors):
        for record in vector["rr"] if isinstance(vector["rr"], list) else [vector["rr"]]:
            zone += f"v{number} 60 NAPTR {record}\n"
    (folder / "sml.test.zone").write_text(zone)
    port = free_port()
    (folder / "knot.conf").write_text(f"server:\n    rundir: \"{folder}\"\n    listen: 127.0.0.1@{port}\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n"
                                      f"database:\n    storage: \"{folder}/db\"\nlog:\n  - target: stderr\n    any: warning\n"
                                      f"zone:\n  - domain: sml.test\n    file: \"{folder}/sml.test.zone\"\n    zonefile-load: whole\n    journal-content: none\n    semantic-checks: off\n")
    with open(folder / "knot.out", "ab") as output:
        knot = subprocess.Popen(["knotd", "-c", str(folder / "knot.conf")], stdout=output, stderr=output)
    try:
        look = ["kdig", "@127.0.0.1", "-p", str(port), "+tcp", "+short", "+timeout=2"]
        for _ in range(100):
            if "ns1" in subprocess.run([*look, "sml.test", "SOA"], capture_output=True, text=True).stdout:
                break
            time.sleep(0.1)
        for number, vector in enumerate(vectors):
            answered = subprocess.run([*look, f"v{number}.sml.test", "NAPTR"], capture_output=True, text=True).stdout
            file = folder / f"v{number}.txt"
            file.write_text(answered)
            done = budkavle("smp", "naptr", file)
            text, expected = done.stdout.decode().strip(), vector["expect"].split(" ")[0]
            if expected.startswith("https://"):
                right = done.returncode == 0 and expected in text.split()
            else:
                right = done.returncode == 1 and (expected != "non-terminal:" or "other.example.se" in text)
            cases.check(f"record {number} of the vectors through Knot: {vector['expect'][:60]}", bool(answered.strip()) and right, f"{vector} {answered} {text}")
    finally:
        knot.terminate()
        knot.wait(timeout=20)


def run(cases, federation, folder):
    cases.group("what the SMP serves, before xmlsec1", metadata, cases, federation, pathlib.Path(folder) / "metadata")
    cases.group("chains, lists, OCSP and CMP, before openssl", pki, cases, pathlib.Path(folder) / "pki")
    cases.group("DNS answers of the vectors, before our client", records, cases, pathlib.Path(folder) / "dns")
