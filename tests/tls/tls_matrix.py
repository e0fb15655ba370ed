#!/usr/bin/env python3
"""The TLS matrix (AP-10 to AP-12, AP-14, AP-15, SEC-45): interface A of a running access point against every faulty client, and its sender against
every faulty server. Each is refused, and the audit or transfer log names the right cause."""
import contextlib
import json
import pathlib
import random
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

import hello  # noqa: E402
from federation import running_demo  # noqa: E402
from pki import Issuer, Pair, openssl, self_signed  # noqa: E402
from support import BUDKAVLE, Tally, run  # noqa: E402

warnings.filterwarnings("ignore", category=DeprecationWarning)  # old versions are what is tried here

HOST = "ap1.sdk-demo.test"
PEER_HOST = "ap2.sdk-demo.test"
CLIENT = "klient.example.se"


def log_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []


class Audit:
    """The audit log of an access point, asked by our own port. A port comes again with a later connection: lines that were asked for are behind us."""

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "log" / "audit.jsonl"
        self.read = 0

    def code_for(self, port, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for number, line in enumerate(log_lines(self.file)[self.read:], self.read + 1):
                if line.get("event") == "tls.refused" and line.get("interface") == "a" and line.get("peer") == f"127.0.0.1:{port}":
                    self.read = number
                    return line["code"]
            time.sleep(0.05)
        return None


def context_for(pair, trust, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # our side must not refuse what the other side shall
    context.load_verify_locations(trust)
    if version:
        context.minimum_version = context.maximum_version = version
    if pair:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def ask(port, context, host=HOST):
    """(status line or '', own port): TLS 1.3 clients learn of the refusal only when they read."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        own = raw.getsockname()[1]
        try:
            with context.wrap_socket(raw, server_hostname=host) as tls:
                tls.sendall(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                return tls.recv(4096).split(b"\r\n")[0].decode(errors="replace"), own
        except (ssl.SSLError, ConnectionError):
            return "", own


class Matrix:
    def __init__(self, federation, folder, tally):
        self.federation, self.folder, self.tally = federation, pathlib.Path(folder), tally
        facts = federation.facts
        self.port = urllib.parse.urlsplit(facts["accessPoints"][0]["url"]).port
        self.trust = facts["trust"]["tls"]
        self.audit = Audit(federation.data / "ap1")
        ca = federation.data / "ca"
        certificate = self.folder / "ca-tls.crt"
        certificate.write_text(openssl("x509", "-in", self.trust))
        self.issuer = Issuer(self.folder, "ca-tls", ca / "authority" / "keys" / "ca-tls.pem", certificate, ca / "passphrase")
        subject = openssl("x509", "-in", certificate, "-noout", "-subject", "-nameopt", "compat").split("=", 1)[1].strip()
        self.other_environment = Issuer.make(self.folder, "other-environment", subject if subject.startswith("/") else "/" + subject.replace(", ", "/"))
        self.other_ca = Issuer.make(self.folder, "other-ca", "/O=Annan/CN=En annan CA")

    # Clients --------------------------------------------------------------------------------------------------------

    def revoked(self):
        """Issued, revoked and published by the authority itself; the access points have the new list after a reload."""
        ca = self.federation.data / "ca" / "ca.toml"
        key, request, certificate = (self.folder / f"revoked.{suffix}" for suffix in ("key", "csr", "crt"))
        openssl("req", "-new", "-newkey", "rsa:3072", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={CLIENT}")
        run("pki", "issue", "--config", ca, "--who", "prov", "--ca", "ca-tls", "--profile", "tls-function", "--name", CLIENT, "--organisation", "Prov",
            "--dns", CLIENT, "--request", request, "--out", certificate, check=(0,))
        serial = int(openssl("x509", "-in", certificate, "-noout", "-serial").split("=")[1], 16)
        run("pki", "revoke", "--config", ca, "--who", "prov", "--ca", "ca-tls", "--serial", serial, "--reason", "keyCompromise", "--cause", "prov", check=(0,))
        run("pki", "crl", "--config", ca, "--who", "prov", check=(0,))
        for name in ("ap1", "ap2"):
            run("reload", "--config", self.federation.data / name / f"{name}.toml", check=(0,))
        return Pair(certificate, key)

    def clients(self):
        issue, other = self.issuer.issue, self.federation.facts["participants"][0]["o2o"]
        as4 = self.federation.facts["accessPoints"][1]
        yield "missing", None, "tls.no_certificate"
        yield "revoked", self.revoked(), "tls.revoked"
        yield "expired", issue("expired", CLIENT, start=-30, end=-1), "tls.expired"
        yield "not yet valid", issue("future", CLIENT, start=2, end=30), "tls.not_yet_valid"
        yield "self-signed", self_signed(self.folder, "selfsigned", CLIENT), "tls.untrusted"
        yield "wrong CA", self.other_ca.issue("wrong-ca", CLIENT), "tls.untrusted"
        yield "wrong environment, CA of the same name", self.other_environment.issue("wrong-environment", CLIENT), "tls.untrusted"
        yield "AS4 certificate used for TLS", Pair(as4["cert"], as4["key"]), "tls.untrusted"
        yield "organisation certificate used for TLS", Pair(other["cert"], other["key"]), "tls.untrusted"
        yield "RSA-1024", issue("short", CLIENT, bits=1024), "tls.weak_key"
        yield "signed with SHA-1", issue("sha1", CLIENT, digest="sha1"), "tls.weak_signature"
        yield "not meant for clients", issue("server-only", CLIENT, usage="serverAuth"), "tls.usage"

    def check_clients(self):
        good = self.issuer.issue("good", CLIENT)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            status, _ = ask(self.port, context_for(good, self.trust, version))
            self.tally.check(f"client: good certificate, {version.name}", status == "HTTP/1.1 200 OK", status)
        for name, pair, code in self.clients():
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                status, own = ask(self.port, context_for(pair, self.trust, version))
                logged = self.audit.code_for(own)
                self.tally.check(f"client certificate {name}, {version.name}", status == "" and logged == code, f"answer {status!r}, logged {logged}, expected {code}")
        status, _ = ask(self.port, context_for(good, self.trust))
        self.tally.check("client: good certificate after all the others", status == "HTTP/1.1 200 OK", status)
        return good

    # Protocol -------------------------------------------------------------------------------------------------------

    def refused_hello(self, name, octets, alerts, code):
        answer = hello.exchange(self.port, octets)
        logged = self.audit.code_for(answer.port)
        self.tally.check(name, answer.alert in alerts and answer.suite is None and logged == code,
                         f"alert {answer.alert}, suite {answer.suite}, logged {logged}, expected {code}")

    def check_protocol(self):
        for name, version in (("SSL 3.0", 0x0300), ("TLS 1.0", 0x0301), ("TLS 1.1", 0x0302)):
            self.refused_hello(name, hello.client_hello(version=version, suites=hello.GOOD + [0xC013, 0x002F], record_version=min(version, 0x0301)),
                               ("protocol_version", "handshake_failure"), "tls.version")
        self.refused_hello("supported_versions of TLS 1.0 and 1.1 only", hello.client_hello(versions=(0x0302, 0x0301)), ("protocol_version",), "tls.version")
        for name, suite in hello.WEAK.items():
            self.refused_hello(f"suite {name}", hello.client_hello(suites=[suite]), ("handshake_failure",), "tls.cipher")
        answer = hello.exchange(self.port, hello.client_hello(compression=(1, 0)))
        self.tally.check("compression offered in TLS 1.2 is not taken", answer.suite in hello.GOOD and answer.compression == 0, f"{answer.alert} {answer.compression}")
        answer = hello.exchange(self.port, hello.client_hello(compression=(1,)))
        self.tally.check("compression without the null method is refused", answer.suite is None, f"suite {answer.suite}")
        answer = hello.exchange(self.port, hello.client_hello(suites=[0x1301], versions=(0x0304,), compression=(1, 0)))
        self.tally.check("compression offered in TLS 1.3 is refused", answer.alert == "illegal_parameter", f"{answer.alert} {answer.suite}")
        answer = hello.exchange(self.port, hello.client_hello(suites=[0x1301], versions=(0x0304,)))
        self.tally.check("control: TLS 1.3", answer.suite == 0x1301, f"{answer.alert} {answer.suite}")
        answer = hello.exchange(self.port, hello.client_hello())
        self.tally.check("control: TLS 1.2", answer.suite in hello.GOOD, f"{answer.alert} {answer.suite}")
        answer = hello.exchange(self.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        logged = self.audit.code_for(answer.port)
        self.tally.check("HTTP without TLS", logged == "tls.not_tls", f"logged {logged}")

    def check_renegotiation(self, good):
        """By `openssl s_client`: R asks for a renegotiation on a connection that stands."""
        for _ in range(20):
            own = random.randint(20000, 60000)
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.bind(("127.0.0.1", own))
                break
        process = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-bind", f"127.0.0.1:{own}", "-servername", HOST, "-tls1_2",
                                    "-cert", str(good.certificate), "-key", str(good.key), "-CAfile", self.trust], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        try:
            text = b""
            while b"Verify return code" not in text and (line := process.stdout.readline()):
                text += line
            process.stdin.write(b"R\n")
            process.stdin.flush()
            logged = self.audit.code_for(own)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(f"GET /health HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
                process.stdin.flush()
            rest, _ = process.communicate(timeout=20)
            self.tally.check("renegotiation by the client", logged == "tls.renegotiation" and b"200 OK" not in rest, f"logged {logged}: {rest[-200:]!r}")
            self.tally.check("secure renegotiation is announced (RFC 5746)", b"Secure Renegotiation IS supported" in text)
        finally:
            process.kill()
            process.wait()

    # OCSP -----------------------------------------------------------------------------------------------------------

    def check_ocsp(self, good):
        """AP-18 with `openssl ocsp` as the responder that the configuration names: it knows of a revocation before the list does."""
        early = self.issuer.issue("ocsp-revoked", CLIENT)
        later = self.issuer.issue("ocsp-later", CLIENT)
        stranger = Issuer(self.folder, "stranger", self.issuer.key, self.issuer.certificate, self.issuer.passphrase).issue("ocsp-unknown", CLIENT)
        key, index = self.folder / "responder.key", self.folder / "responder.index"
        openssl("pkey", "-in", self.issuer.key, "-passin", f"file:{self.issuer.passphrase}", "-out", key)
        lines = [line for line in (self.folder / "ca-tls.index").read_text().splitlines() if line]
        serial = openssl("x509", "-in", early.certificate, "-noout", "-serial").split("=")[1].strip()
        lines = [line.replace("V\t", "R\t", 1).replace("\t\t", "\t260101000000Z\t", 1) if f"\t{serial}\t" in line else line for line in lines]
        for certificate in sorted(self.federation.data.glob("*/keys/tls.crt")) + sorted(self.federation.data.glob("clients/*.crt")):
            known = openssl("x509", "-in", certificate, "-noout", "-serial").split("=")[1].strip()
            lines.append(f"V\t491231235959Z\t\t{known}\tunknown\t/CN={known}")
        index.write_text("\n".join(lines) + "\n")
        (self.folder / "responder.index.attr").write_text("unique_subject = no\n")
        responder = subprocess.Popen(["openssl", "ocsp", "-port", "0", "-index", index, "-CA", self.issuer.certificate, "-rsigner", self.issuer.certificate, "-rkey", key,
                                      "-ndays", "1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        config = self.federation.data / "ap1" / "ap1.toml"
        original = config.read_text()
        try:
            port = re.search(r"ACCEPT .*:(\d+) PID", responder.stdout.readline()).group(1)
            named = f'ocsp_responders = [{{ issuer = "{self.issuer.certificate}", url = "http://127.0.0.1:{port}/" }}]\n'
            config.write_text(original.replace("crl_urls = ", named + "crl_urls = ", 1))
            status, _ = ask(self.port, context_for(early, self.trust))
            self.tally.check("OCSP: the list alone does not know yet", status == "HTTP/1.1 200 OK", status)
            run("reload", "--config", config, check=(0,))
            for name, pair, code in (("revoked", early, "tls.revoked"), ("unknown to its issuer", stranger, "tls.revocation_unavailable"), ("good", good, None)):
                status, own = ask(self.port, context_for(pair, self.trust))
                logged = self.audit.code_for(own) if code else None
                self.tally.check(f"OCSP: {name}", (status == "HTTP/1.1 200 OK") == (code is None) and logged == code, f"answer {status!r}, logged {logged}, expected {code}")
            responder.kill()
            responder.wait()
            status, _ = ask(self.port, context_for(later, self.trust))
            self.tally.check("OCSP: the responder is down, the list is the second source", status == "HTTP/1.1 200 OK", status)
            told = [line["event"] for line in log_lines(self.federation.data / "ap1" / "log" / "technical.jsonl") if line["event"].startswith("revocation.")]
            self.tally.check("OCSP: both are told to the operator", {"revocation.failed", "revocation.unknown_certificate"} <= set(told), told)
        finally:
            responder.kill()
            config.write_text(original)
            run("reload", "--config", config, check=(0,))

    # Servers --------------------------------------------------------------------------------------------------------

    def servers(self):
        issue = self.issuer.issue
        good = issue("peer", PEER_HOST)
        yield "revoked", {"pair": self.revoked_server()}, "tls.revoked"
        yield "expired", {"pair": issue("peer-expired", PEER_HOST, start=-30, end=-1)}, "tls.expired"
        yield "not yet valid", {"pair": issue("peer-future", PEER_HOST, start=2, end=30)}, "tls.not_yet_valid"
        yield "self-signed", {"pair": self_signed(self.folder, "peer-selfsigned", PEER_HOST)}, "tls.untrusted"
        yield "wrong CA", {"pair": self.other_ca.issue("peer-wrong-ca", PEER_HOST)}, "tls.untrusted"
        yield "wrong environment", {"pair": self.other_environment.issue("peer-environment", PEER_HOST)}, "tls.untrusted"
        yield "wrong host name (AP-11)", {"pair": issue("peer-other-name", "ap9.sdk-demo.test")}, "tls.host_name"
        yield "RSA-1024", {"pair": issue("peer-short", PEER_HOST, bits=1024)}, "tls.weak_key"
        yield "signed with SHA-1", {"pair": issue("peer-sha1", PEER_HOST, digest="sha1")}, "tls.weak_signature"
        yield "not meant for servers", {"pair": issue("peer-client-only", PEER_HOST, usage="clientAuth")}, "tls.usage"
        yield "TLS 1.1 only", {"pair": good, "version": ssl.TLSVersion.TLSv1_1}, "tls.handshake"
        yield "CBC suites only", {"pair": good, "version": ssl.TLSVersion.TLSv1_2, "suites": "ECDHE-RSA-AES128-SHA256"}, "tls.handshake"
        yield "RSA key exchange only", {"pair": good, "version": ssl.TLSVersion.TLSv1_2, "suites": "AES128-GCM-SHA256"}, "tls.handshake"
        yield "HTTP without TLS", {"plain": True}, "tls.handshake"

    def revoked_server(self):
        pair = self.issuer.issue("peer-revoked", PEER_HOST)
        ca = self.federation.data / "ca"
        # Not in the authority's register: the list is made by hand, with a higher number, and put where it is published.
        config = self.folder / "peer-revoked.crl.cnf"
        config.write_text(f"[ca]\ndefault_ca = d\n[d]\ndatabase = {self.folder}/ca-tls.index\ndefault_md = sha256\ncrlnumber = {self.folder}/crlnumber\n"
                          "default_crl_days = 7\ncrl_extensions = c\n[c]\nauthorityKeyIdentifier = keyid\n")
        (self.folder / "crlnumber").write_text("7000\n")
        secret = ["-passin", f"file:{self.issuer.passphrase}", "-keyfile", self.issuer.key, "-cert", self.issuer.certificate, "-config", config]
        openssl("ca", "-revoke", pair.certificate, *secret)
        openssl("ca", "-gencrl", "-out", self.folder / "revoked.pem", *secret)
        time.sleep(1.1)  # lists are told apart by their second
        openssl("crl", "-in", self.folder / "revoked.pem", "-outform", "DER", "-out", ca / "authority" / "publish" / "ca-tls.crl")
        run("reload", "--config", self.federation.data / "ap1" / "ap1.toml", check=(0,))
        return pair

    def check_servers(self):
        peer = FaultyServer()
        try:
            as4 = self.federation.facts["accessPoints"][1]["cert"]
            participant = "0203:provpeer.example.se"
            run("demo", "add-peer", "--data", self.federation.data, "--id", participant, "--endpoint", f"https://{PEER_HOST}:{peer.port}/as4", "--cert", as4,
                "--tls-cert", self.trust, check=(0,))
            sender = "0203:norrby.example.se"
            self.wait_until_serving(sender)
            for name, fault, code in self.servers():
                peer.become(**fault)
                logged = self.outcome_of_sending(sender, participant)
                self.tally.check(f"server: {name}", logged == code and peer.requests == 0, f"logged {logged}, expected {code}; {peer.requests} requests came through")
            peer.become(pair=self.issuer.issue("peer-good", PEER_HOST))
            logged = self.outcome_of_sending(sender, participant)
            self.tally.check("server: control, a good one gets the message", peer.requests > 0, f"logged {logged}, {peer.last_fault}")
        finally:
            peer.close()

    def wait_until_serving(self, sender):
        for _ in range(100):
            with contextlib.suppress(OSError, AssertionError):
                self.federation.inbox(sender)
                return
            time.sleep(0.2)

    def outcome_of_sending(self, sender, participant):
        """The cause of the first failed attempt of a message sent now."""
        file = self.federation.data / "ap1" / "log" / "transfer.jsonl"
        before = len(log_lines(file))
        _, status, answer = self.federation.post(sender, participant, function=f"sdk:prov:{participant}")
        if status != 202:
            return f"HTTP {status} {answer}"
        deadline = time.monotonic() + 60
        own = None
        while time.monotonic() < deadline:
            for line in log_lines(file)[before:]:
                if own is None and line["event"] == "as4.queued" and line.get("recipient") == participant:
                    own = line["as4MessageId"]
                if line.get("as4MessageId") == own and line["event"] in ("as4.attempt_failed", "as4.failed", "as4.unconfirmed"):
                    return line["cause"]
            time.sleep(0.1)
        return None


class FaultyServer:
    """Another access point's address, with whatever TLS it is told to have. Answers every request that gets through with 500."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.context, self.requests, self.last_fault = None, 0, ""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def become(self, pair=None, version=None, suites="ALL", plain=False):
        context = None
        if not plain:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_ciphers(f"{suites}:@SECLEVEL=0")
            if version:
                context.minimum_version = context.maximum_version = version
            context.load_cert_chain(pair.certificate, pair.key)
        self.requests, self.context = 0, context

    def serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(raw, self.context), daemon=True).start()

    def answer(self, raw, context):
        with contextlib.suppress(OSError), raw:
            raw.settimeout(10)
            if context is None:
                raw.recv(4096)
                raw.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            try:
                with context.wrap_socket(raw, server_side=True) as tls:
                    if tls.recv(4096):
                        self.requests += 1
                        tls.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except ssl.SSLError as error:
                self.last_fault = str(error)

    def close(self):
        self.listener.close()


def main():
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="budkavle-tls-") as folder, running_demo() as federation:
        matrix = Matrix(federation, folder, tally)
        good = matrix.check_clients()
        matrix.check_protocol()
        matrix.check_renegotiation(good)
        matrix.check_ocsp(good)
        matrix.check_servers()
    tally.finish(at_least=76)


if __name__ == "__main__":
    main()
