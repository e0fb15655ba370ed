#!/usr/bin/env python3
"""Every AS4 vector over a real socket against `budkavle as4 serve`: plain, under mutual TLS, octet by octet, and as duplicates."""
import csv
import hashlib
import http.client
import json
import pathlib
import re
import ssl
import subprocess
import tempfile

from as4_server import As4Server
from support import BUDKAVLE, VECTORS, Tally

tally = Tally()
FOLDER = VECTORS / "as4-vectors"
KEYS = FOLDER / "keys"
AT = "2026-11-23T00:00:00Z"


class Server(As4Server):
    def __init__(self, drop, *more):
        super().__init__("--key", KEYS / "ap-b.key", "--cert", KEYS / "ap-b.crt", "--trust", KEYS / "ca.crt", "--crl", KEYS / "ca.crl.pem", "--at", AT, "--drop", drop, *more)

    def line(self, number):
        with self.arrived:
            self.arrived.wait_for(lambda: len(self.lines) >= number, timeout=30)
            return self.lines[number - 1] if len(self.lines) >= number else None


def vectors():
    with open(FOLDER / "INDEX.tsv", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["name"].startswith(("pos-", "neg-")):
                headers = dict(line.split(": ", 1) for line in (FOLDER / f"{row['name']}.headers").read_text().splitlines() if ": " in line)
                yield row, headers, (FOLDER / f"{row['name']}.body").read_bytes()


def post(connection, headers, body):
    connection.request("POST", "/as4", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def signed_receipt_for(answer, message_id):
    """The answer is evidence: judged by the receipt command, which shares no code path with the server's decision to send it."""
    return b"NonRepudiationInformation" in answer and b"<eb:RefToMessageId>" + message_id.encode() in answer


def judged(name, body, headers, answer, answer_type):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "answer").write_bytes(answer)
        (folder / "answer.headers").write_text(f"Content-Type: {answer_type}\n")
        done = subprocess.run([BUDKAVLE, "as4", "receipt", "--request", FOLDER / f"{name}.body", "--request-headers", FOLDER / f"{name}.headers", "--answer", folder / "answer",
                               "--answer-headers", folder / "answer.headers", "--trust", KEYS / "ca.crt", "--at", AT, "--json"], capture_output=True, text=True)
        return json.loads(done.stdout)["outcome"] if done.stdout else done.stderr


def main():
    with tempfile.TemporaryDirectory() as drop:
        drop = pathlib.Path(drop)
        server = Server(drop)
        try:
            number = 0
            for row, headers, body in vectors():
                name, message_id = row["name"], row["messageId"]
                payload = [value for column, value in row.items() if column.startswith("payload")][0] or ""
                before = set(drop.iterdir())
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
                status, answer_headers, answer = post(connection, headers, body)
                number += 1
                line = server.line(number)
                delivered = [file for file in drop.iterdir() if file not in before]
                if name.startswith("pos-"):
                    tally.check(name, line and line["outcome"] == "accepted" and status == 200 and signed_receipt_for(answer, message_id), f"{status} {line}")
                    tally.check(f"{name}: the receipt is evidence", judged(name, body, headers, answer, answer_headers["Content-Type"]) == "accepted", answer[:500].decode(errors="replace"))
                    wanted = sorted(part.rsplit(":", 1)[1] for part in payload.split())
                    got = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in delivered)
                    tally.check(f"{name}: delivered", got == (wanted if "ping" not in name else []), f"{got} {wanted}")
                    # The same octets again on the same connection: the same receipt, no second delivery.
                    status, _, again = post(connection, headers, body)
                    number += 1
                    line = server.line(number)
                    tally.check(f"{name}: duplicate (TA10)", status == 200 and again == answer and line["duplicate"] and len(set(drop.iterdir()) - before) == len(delivered), f"{line}")
                else:
                    codes = re.findall(r"(?<=EBMS:)\d{4}|(?<=/)\d{4}|(?<=or )\d{4}", row["expected"])
                    tally.check(name, line and line["outcome"] == "refused" and not line["deliver"] and not delivered, f"{status} {line} {delivered}")
                    if codes and line and line["code"]:
                        tally.check(f"{name}: code", line["code"][-4:] in codes, f"{line['code']} not in {codes}")
                    tally.check(f"{name}: no receipt", b"NonRepudiationInformation" not in answer, answer[:200].decode(errors="replace"))
                connection.close()
            slow(server)
        finally:
            server.stop()
    mutual_tls()
    tally.finish(at_least=100)


def slow(server):
    """A body that trickles in pieces of odd sizes is the same body."""
    name = "pos-15-ping"
    body = (FOLDER / f"{name}.body").read_bytes()
    headers = dict(line.split(": ", 1) for line in (FOLDER / f"{name}.headers").read_text().splitlines() if ": " in line)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/as4", (body[at:at + 97] for at in range(0, len(body), 97)), {**headers, "Transfer-Encoding": "chunked"}, encode_chunked=True)
    answer = connection.getresponse()
    tally.check("chunked in pieces of 97 octets", answer.status == 200 and b"NonRepudiationInformation" in answer.read(), str(answer.status))
    connection.request("GET", "/as4")
    answer = connection.getresponse()
    answer.read()
    tally.check("GET is not for AS4", answer.status == 405, str(answer.status))


def mutual_tls():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

        for name in ("ca", "stranger"):
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt", "-days", "3650", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")
        for name, ca in (("server", "ca"), ("client", "ca"), ("intruder", "stranger")):
            openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr", "-subj", f"/CN={name}")
            (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
            openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / f"{ca}.crt", "-CAkey", folder / f"{ca}.key", "-CAcreateserial", "-days", "3650", "-out", folder / f"{name}.crt", "-extfile", folder / "ext")
        server = Server(folder / "drop", "--tls-cert", folder / "server.crt", "--tls-key", folder / "server.key", "--tls-trust", folder / "ca.crt")
        try:
            row, headers, body = next(v for v in vectors() if v[0]["name"].startswith("pos-01"))

            def attempt(name):
                context = ssl.create_default_context(cafile=folder / "ca.crt")
                if name:
                    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
                connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=30)
                try:
                    return post(connection, headers, body)[0]
                except (ssl.SSLError, OSError, http.client.HTTPException):
                    return None
                finally:
                    connection.close()

            tally.check("AP-10: a client of the right CA", attempt("client") == 200, "")
            tally.check("AP-10: no client certificate is refused", attempt(None) is None, "")
            tally.check("AP-10: a client of another CA is refused", attempt("intruder") is None, "")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
