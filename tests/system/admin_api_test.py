#!/usr/bin/env python3
"""The administration API as a running service: first accounts on the host, mutual TLS, four eyes between two persons, the whole table of routes from
the command line, and every answer held against the OpenAPI document by an independent validator (python3-jsonschema); curl and openssl as clients."""
import json
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import time
import http.client
import urllib.parse

import jsonschema

from support import BUDKAVLE, Tally

tally = Tally()


def sh(command, cwd):
    done = subprocess.run(command, shell=True, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make_pki(folder):
    sh("openssl req -x509 -newkey rsa:3072 -nodes -keyout ca.key -out ca.pem -days 3 -subj '/C=SE/O=Made-up/CN=Admin CA' "
       "-addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign", folder)
    for name, use in (("server", "serverAuth"), ("anna", "clientAuth"), ("bo", "clientAuth"), ("stranger", "clientAuth"), ("gateway", "clientAuth")):
        (folder / "ext").write_text(f"basicConstraints=CA:false\nkeyUsage=digitalSignature\nextendedKeyUsage={use}\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n")
        sh(f"openssl req -new -newkey rsa:3072 -nodes -keyout {name}.key -out {name}.csr -subj '/C=SE/O=Made-up/CN={name}' && "
           f"openssl x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out {name}.pem", folder)
    for name, use in (("signer", "digitalSignature"), ("ap", "digitalSignature,keyEncipherment"), ("o2o", "digitalSignature,keyEncipherment")):
        (folder / "ext").write_text(f"basicConstraints=CA:false\nkeyUsage={use}\n")
        sh(f"openssl req -new -newkey rsa:3072 -nodes -keyout {name}.key -out {name}.csr -subj '/C=SE/O=Made-up/CN={name}' && "
           f"openssl x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out {name}.pem", folder)
    (folder / "passphrase").write_text("a long made-up passphrase\n")
    os.chmod(folder / "passphrase", 0o600)


def configuration(folder, port, ca_port, more=""):
    (folder / "admin.toml").write_text(f"""
[log]
folder = "log"
component = "admin"
[keys]
plain = true
[admin]
database = "admin.db"
address = "127.0.0.1"
port = {port}
key = "server.key"
certificate = "server.pem"
client_trust = ["ca.pem"]
revocation_when_present = true
hosts = ["localhost", "127.0.0.1"]
{more}
[admin.smp]
database = "smp.db"
base_url = "https://smp.example.se/"
signing_key = "signer.key"
signing_certificate = "signer.pem"
smp_trust = "ca.pem"
ap_trust = "ca.pem"
o2o_trust = "ca.pem"
revocation_when_present = true
[admin.sml]
database = "sml.db"
[ca]
address = "127.0.0.1"
port = {ca_port}
folder = "ca"
passphrase_file = "passphrase"
base_urls = ["http://pki.example.se"]
[ca.owner]
organisation = "Made-up Platform"
""")


class Api:
    """http.client is the foreign client; every answer is validated against the document of the server."""

    def __init__(self, folder, port):
        self.folder, self.port, self.document, self.validated = folder, port, None, 0

    def raw(self, who, method, path, body=None, headers=None):
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if who:
            context.load_cert_chain(self.folder / f"{who}.pem", self.folder / f"{who}.key")
        connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=30)
        data = json.dumps(body).encode() if body is not None else None
        connection.request(method, path, data, {**({"Content-Type": "application/json"} if data else {}), **(headers or {})})
        answer = connection.getresponse()
        octets = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), octets

    def call(self, who, method, path, body=None, headers=None, pattern=None):
        status, fields, octets = self.raw(who, method, "/admin/v1" + path, body, headers)
        self.judge(method, pattern or path.split("?")[0], status, fields, octets)
        return status, json.loads(octets) if octets and "json" in fields.get("Content-Type", "") else octets, fields

    def judge(self, method, pattern, status, fields, octets):
        operation = self.document["paths"][pattern][method.lower()]
        answer = operation["responses"].get(str(status)) or operation["responses"].get(f"{status // 100}XX")
        if not tally.check(f"{method} {pattern}: status {status} is described", answer is not None, octets[:200]):
            return
        if "content" not in answer:
            tally.check(f"{method} {pattern}: no content is described and none came", not octets, octets[:200])
            return
        kind = fields.get("Content-Type", "").split(";")[0]
        if not tally.check(f"{method} {pattern}: {kind} is described", kind in answer["content"], octets[:200]) or "json" not in kind:
            return
        schema = {**answer["content"][kind]["schema"], "components": self.document["components"]}
        faults = [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(octets))]
        tally.check(f"{method} {pattern}: the answer fits its schema", not faults, str(faults[:3]) + octets[:300].decode())
        self.validated += 1


def check_document(document):
    tally.check("it is OpenAPI 3.1", document["openapi"] == "3.1.0")
    names = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names.append(operation["operationId"])
            declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            wanted = {s[1:-1] for s in path.split("/") if s.startswith("{")}
            tally.check(f"{operation['operationId']}: its path parameters are declared", declared == wanted, f"{declared} {wanted}")
            for place in [operation.get("requestBody", {}).get("content", {}), *[r.get("content", {}) for r in operation["responses"].values()]]:
                for content in place.values():
                    jsonschema.Draft202012Validator.check_schema(content["schema"])
            tally.check(f"{operation['operationId']}: it says who may", bool(operation["x-budkavle-rule"]["roles"]))
    tally.check("operation ids are unique", len(set(names)) == len(names))
    return names


DOCUMENTS = ("urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base-ext-sigenc",
             "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse##fdc:digg.se:edelivery:messagetype:response:1::2.1::tm-base-ext-sigenc")
PARTICIPANT = "0203:exempel.example.se"


class Registers:
    """SMP and locator over the API: what one person may do is done, what needs two is approved by the other."""

    def __init__(self, api, folder):
        self.api, self.folder = api, folder

    def act(self, who, method, pattern, body=None, **names):
        path = pattern.format(**{name: urllib.parse.quote(value, safe="") for name, value in names.items()})
        status, answer, _ = self.api.call(who, method, path, {**body, "reason": "test"} if body is not None else None, pattern=pattern)
        if status == 202:
            proposer_alone = self.api.call(who, "POST", f"/cases/{answer['case']}/approval", None, pattern="/cases/{case}/approval")[0]
            tally.check(f"SEC-55: {method} {pattern}: nobody approves alone", proposer_alone in (403, 409, 422), proposer_alone)
            other = "bo" if who == "anna" else "anna"
            status, answer, _ = self.api.call(other, "POST", f"/cases/{answer['case']}/approval", None, pattern="/cases/{case}/approval")
            tally.check(f"{method} {pattern}: the other person's approval carries it out", status == 200 and answer["state"] == "done", str(answer)[:300])
        tally.check(f"{method} {pattern} is done", status in (200, 201, 204), f"{status} {str(answer)[:300]}")
        return answer

    def smp(self):
        text = {name: (self.folder / f"{name}.pem").read_text() for name in ("ap", "o2o", "anna")}
        sha256 = sh("openssl x509 -in ap.pem -outform DER | sha256sum", self.folder).split()[0]
        operator, one = "/smp/operators/{operator}", "/smp/operators/{operator}/participants/{participant}"
        who = {"operator": "op1", "participant": PARTICIPANT}
        self.act("anna", "PUT", operator, {"name": "Operatör 1"}, operator="op1")
        self.act("anna", "POST", operator + "/ap-certificates", {"name": "AP0001", "certificate": text["ap"]}, operator="op1")
        status, refused, _ = self.api.call("anna", "POST", "/smp/operators/op1/ap-certificates", {"name": "AP0002", "certificate": (self.folder / "ap.key").read_text(), "reason": "x"},
                                           pattern=operator + "/ap-certificates")
        tally.check("a private key in a body is refused", 400 <= status < 500 and "PRIVATE" not in str(refused), f"{status} {refused}")
        self.act("anna", "PUT", operator + "/endpoints/{endpoint}", {"uri": "https://ap.example.se/as4", "profile": "digg-transport-as4-v1_0", "certificateSha256": sha256,
                                                                     "description": "AP", "contact": "https://support.example.se/"}, operator="op1", endpoint="ap1")
        self.act("anna", "POST", operator + "/participants", {"id": PARTICIPANT, "organisation": "Made-up"}, operator="op1")
        for document in DOCUMENTS:
            self.act("anna", "POST", one + "/services", {"document": document, "endpoints": ["ap1"]}, **who)
        for use in ("signing", "encryption"):
            self.act("anna", "POST", one + "/certificates", {"use": use, "certificate": text["o2o"]}, **who)
        self.act("bo", "POST", one + "/status", {"status": "approved"}, **who)
        found = self.act("anna", "GET", one, **who)
        tally.check("the participant is published by the register behind the API", found["publishState"] == "published", str(found)[:300])
        history = self.act("anna", "GET", one + "/history", **who)
        tally.check("FED-05: its history names who", len(history["items"]) >= 6, str(history)[:300])
        for path in ("/endpoints", "/participants", "/planned-changes", "/bulk-changes", "/events", "/locator-queue", "/certificate-findings"):
            self.act("anna", "GET", operator + path, operator="op1")
        other = self.api.call("anna", "GET", f"/smp/operators/op2/participants/{urllib.parse.quote(PARTICIPANT, safe='')}", pattern=one)[0]
        tally.check("SEC-31: below another operator it is not there", other == 404, other)

    def sml(self):
        domain = "sml.example.se"
        self.act("anna", "PUT", "/sml/domains/{domain}", {"zone": domain}, domain=domain)
        self.act("anna", "PUT", "/sml/accounts/{smlAccount}", {"domain": domain, "certificate": (self.folder / "gateway.pem").read_text()}, smlAccount="smp-account")
        self.act("anna", "POST", "/sml/publishers", {"account": "smp-account", "id": "SMP-1", "logicalAddress": "https://smp.example.se/", "physicalAddress": "192.0.2.1"})
        self.act("anna", "POST", "/sml/publishers/{publisher}/participants", {"participants": [f"iso6523-actorid-upis::{PARTICIPANT}"]}, publisher="SMP-1")
        listed = self.act("anna", "GET", "/sml/participants")
        tally.check("the participant is registered, and waits for its zone", [one["publisher"] for one in listed["items"]] == ["SMP-1"], str(listed)[:300])
        for path in ("/sml/publishers/{publisher}", "/sml/queue", "/sml/migrations"):
            self.act("anna", "GET", path, publisher="SMP-1")


def command(folder, port, who, *arguments, code=0, language="C"):
    environment = {**os.environ, "LC_ALL": language, "BUDKAVLE_ADMIN_URL": f"https://localhost:{port}", "BUDKAVLE_ADMIN_CERT": str(folder / f"{who}.pem"),
                   "BUDKAVLE_ADMIN_KEY": str(folder / f"{who}.key"), "BUDKAVLE_ADMIN_TRUST": str(folder / "ca.pem")}
    done = subprocess.run([BUDKAVLE, *map(str, arguments)], capture_output=True, text=True, timeout=60, env=environment, cwd=folder)
    tally.check(f"{' '.join(map(str, arguments))} exits {code}", done.returncode == code, f"{done.returncode} {done.stdout}{done.stderr}")
    return done.stdout


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    make_pki(folder)
    port, ca_port = free_port(), free_port()
    configuration(folder, port, ca_port)
    host = [BUDKAVLE, "admin", "first-account", "--config", "admin.toml"]

    # --- SEC-46: nobody is preset; two persons can be made on the host, not three
    for who, expected in (("anna", 0), ("bo", 0), ("stranger", 1)):
        done = subprocess.run([*host, "--person", f"P-{who}", "--name", who, "--certificate", f"{who}.pem"], cwd=folder, capture_output=True, text=True)
        tally.check(f"SEC-46: first account of {who} exits {expected}", done.returncode == expected, done.stdout + done.stderr)

    server = subprocess.Popen([BUDKAVLE, "serve", "--config", "admin.toml", "--allow-root"], cwd=folder, stderr=subprocess.PIPE)
    try:
        api = Api(folder, port)
        for _ in range(200):
            try:
                status, _, octets = api.raw("anna", "GET", "/openapi.json")
                break
            except OSError:
                time.sleep(0.1)
        api.document = json.loads(octets)
        operations = check_document(api.document)

        # --- who gets in
        status, body, _ = api.call("anna", "GET", "/account")
        tally.check("SEC-51: an account is recognised by its certificate", status == 200 and body["account"]["name"] == "anna", str(body))
        tally.check("a certificate without account gets 401", api.call("stranger", "GET", "/account")[0] == 401)
        try:
            status = api.raw(None, "GET", "/admin/v1/account")[0]
        except (ssl.SSLError, OSError):
            status = "no connection"
        tally.check("without a certificate there is no connection", status == "no connection", status)
        seen = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_1"], input=b"", capture_output=True).stdout.decode()
        tally.check("TLS 1.1 is refused", "Cipher is (NONE)" in seen or "Cipher    : 0000" in seen, seen[-300:])

        # --- curl: hostile requests, as they come over the wire
        def curl(*arguments):
            return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", "ca.pem", "--cert", "anna.pem", "--key", "anna.key", *arguments],
                                  cwd=folder, capture_output=True, text=True).stdout
        base = f"https://localhost:{port}/admin/v1/"
        for expected, arguments in {"421": ["-H", "Host: evil.example"], "400": ["-H", "X-Forwarded-For: 127.0.0.1"], "403": ["-H", "Origin: https://evil.example"],
                                    "405": ["-X", "PATCH"], "200": []}.items():
            got = curl(*arguments, base + "account")
            tally.check(f"curl {arguments} gets {expected}", got == expected, got)
        tally.check("a Client-Cert header proves nothing", curl("-H", "Client-Cert: :AAAA:", base + "account") == "400")
        tally.check("a form of another page is not taken", curl("-d", "person=x&name=y", base + "accounts") == "415")
        tally.check("duplicate names are refused", curl("-H", "Content-Type: application/json", "-d", '{"person":"a","person":"b","name":"c"}', base + "accounts") == "400")

        # --- every look without a parameter, against its schema
        for path, methods in api.document["paths"].items():
            if "get" in methods and "{" not in path and path != "/openapi.json":
                status = api.call("anna", "GET", path)[0]
                tally.check(f"GET {path} answers", status == 200, status)

        # --- two persons give a third one a role, from the command line
        made = json.loads(command(folder, port, "anna", "admin", "accounts", "create", "--person", "P-3", "--name", "Cilla", "--json"))
        credential = json.loads(command(folder, port, "anna", "admin", "accounts", "add-credential", made["id"], "--certificate", "stranger.pem", "--reason", "new", "--json"))
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
        grant = json.loads(command(folder, port, "anna", "admin", "accounts", "grant", made["id"], "--role", "pki-officer", "--scope", "*", "--expires", ends, "--reason", "new", "--json"))
        command(folder, port, "anna", "admin", "cases", "approve", grant["case"], code=1)
        for case in (credential, grant):
            done = json.loads(command(folder, port, "bo", "admin", "cases", "approve", case["case"], "--json"))
            tally.check("SEC-55: another person's approval carries it out", done["state"] == "done", str(done))
        tally.check("the new account gets in", api.call("stranger", "GET", "/account")[1]["grants"][0]["role"] == "pki-officer")
        tally.check("people read it in Swedish", "totalt" in command(folder, port, "anna", "admin", "accounts", "list", language="sv_SE.UTF-8"))

        # --- SMP and locator behind the same listener
        registers = Registers(api, folder)
        registers.smp()
        registers.sml()

        # --- the register is backed up while it runs
        for words, code in ((("backup", "--config", "admin.toml", "--to", "backups", "--key", "backup.key", "--json"), 0),
                            (("restore", "--config", "admin.toml", "--from", "backups", "--key", "backup.key"), 1)):
            done = subprocess.run([BUDKAVLE, *words], cwd=folder, capture_output=True, text=True)
            tally.check(f"SEC-100, SEC-102: {words[0]} beside the running register exits {code}", done.returncode == code, done.stdout + done.stderr)

        # --- the audit trail, over the API and on the host
        status, trail, _ = api.call("anna", "GET", f"/audit-events?object={made['id']}")
        tally.check("SEC-11: the trail names who, what and why", any(e["reason"] == "new" and e["outcome"] == "done" and "bo" in e["who"] for e in trail["items"]), str(trail)[:600])
        subprocess.run([BUDKAVLE, "admin", "verify-audit", "--config", "admin.toml"], cwd=folder, check=True, capture_output=True)
        subprocess.run([BUDKAVLE, "admin", "verify-audit", "--log", "log/audit.jsonl"], cwd=folder, check=True, capture_output=True)

        # --- every operation of the server is a command
        for operation in operations:
            tag, verb = operation.split(".", 1)
            done = subprocess.run([BUDKAVLE, "admin", tag, verb, "--help"], capture_output=True)
            tally.check(f"{operation} is a command", done.returncode == 0, done.stderr.decode())

        # --- SEC-03: no key and no secret in any log
        logs = "".join(f.read_text() for f in (folder / "log").iterdir() if f.is_file())
        tally.check("no private key in the logs", "PRIVATE KEY" not in logs)
        print(f"{len(operations)} operations, {api.validated} answers validated against their schemas")
    finally:
        server.terminate()
        tally.check("the service ends well", server.wait(30) == 0, server.stderr.read().decode()[-500:])

tally.finish(at_least=150)
