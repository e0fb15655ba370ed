"""A running demo federation as a test sees it: start, stop, talk to message services and access points as a foreign client."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse
import uuid

from support import BUDKAVLE

MESSAGE_NS = "urn:riv:infrastructure:messaging:MessageWithAttachments:3"


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def payload(sender, recipient, sender_function, recipient_function, text="Hej", message_id=None, files=(), created=None, extra=""):
    """An SDK message written by hand, independent of the program's own builder."""
    message_id = message_id or str(uuid.uuid4())
    created = created or time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())

    def party(tag, id_tag, identifier, function):
        return (f"<m:{tag}><m:{id_tag}><m:root>iso6523-actorid-upis</m:root><m:extension>{identifier}</m:extension></m:{id_tag}><m:label>Org</m:label>"
                f"<m:attention><m:subOrganization><m:organizationId><m:root>urn:riv:infrastructure:messaging:functionalAddress</m:root>"
                f"<m:extension>{function}</m:extension></m:organizationId><m:label>Funktion</m:label></m:subOrganization></m:attention></m:{tag}>")

    content = "".join(f"<m:ContentFiles><m:fileName>{escape(name)}</m:fileName><m:contentType>{kind}</m:contentType><m:content>{data}</m:content></m:ContentFiles>"
                      for name, kind, data in files)
    return message_id, (
        f'<m:messagePayload xmlns:m="{MESSAGE_NS}"><m:message><m:messageHeader><m:creationDateTime>{created}</m:creationDateTime>'
        f"<m:messageId>{message_id}</m:messageId><m:conversationId>{message_id}</m:conversationId><m:label>Rubrik</m:label><m:confidentiality>false</m:confidentiality>"
        f"{party('recipient', 'recipientID', recipient, recipient_function)}{party('sender', 'senderID', sender, sender_function)}</m:messageHeader>"
        f"<m:messageBody><m:documents><m:documentID>1</m:documentID>{content}<m:ContentText><m:characterSequence>{escape(text)}</m:characterSequence></m:ContentText>"
        f"</m:documents></m:messageBody>{extra}</m:message></m:messagePayload>").encode()


class Client:
    """HTTPS with a client certificate, by Python's own TLS."""

    def __init__(self, url, cert, key, trust, timeout=60):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.timeout = parts.hostname, parts.port, timeout
        self.context = ssl.create_default_context(cafile=trust)
        self.context.load_cert_chain(cert, key)

    def request(self, method, path, body=None, headers=None):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=self.context)
        try:
            connection.sock = self.context.wrap_socket(raw, server_hostname=self.host)
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()
            raw.close()

    def json(self, method, path, body=None, headers=None):
        status, _, data = self.request(method, path, body, headers)
        return status, json.loads(data) if data else None


class Federation:
    """Facts of a demo (demo.json) and clients for its parts."""

    def __init__(self, facts):
        self.facts = facts
        self.data = pathlib.Path(facts["data"])
        self.participants = {p["id"]: p for p in facts["participants"]}

    def mt(self, participant, timeout=60):
        p = self.participants[participant]
        return Client(p["messageService"], p["client"]["cert"], p["client"]["key"], self.facts["trust"]["tls"], timeout)

    def path(self, participant, rest=""):
        return f"/m/v1/participants/{urllib.parse.quote(participant, safe='')}/messages{rest}"

    def function(self, participant, index=0):
        return self.participants[participant]["functions"][index]["id"]

    def post(self, sender, recipient, **options):
        message_id, octets = payload(sender, recipient, self.function(sender), options.pop("function", None) or self.function(recipient), **options)
        status, answer = self.mt(sender).json("POST", self.path(sender), octets, {"Content-Type": "application/xml"})
        return message_id, status, answer

    def status(self, participant, message_id):
        code, answer = self.mt(participant).json("GET", self.path(participant, "/" + message_id))
        return answer if code == 200 else None

    def inbox(self, participant):
        code, answer = self.mt(participant).json("GET", self.path(participant, "?direction=in"))
        assert code == 200, answer
        return answer["messages"]

    def wait_final(self, participant, message_id, seconds=60, finals=("ACCEPTED", "MESSAGE_EXCHANGE_ERROR")):
        deadline = time.monotonic() + seconds
        answer = None
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                answer = self.status(participant, message_id)
                if answer and answer["status"] in finals:
                    return answer
            time.sleep(0.2)
        return answer

    def pid(self, name):
        facts = json.loads((self.data / "demo.json").read_text())
        return {process["name"]: process["pid"] for process in facts["processes"]}[name]


@contextlib.contextmanager
def running_demo(*arguments, environment=None, data=None):
    """Starts `budkavle demo --json`, yields its Federation, ends it by its own process id."""
    folder = data or tempfile.mkdtemp(prefix="budkavle-")
    process = subprocess.Popen([BUDKAVLE, "demo", "--data", folder, "--json", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(environment or {})})
    try:
        text = b""
        while True:
            line = process.stdout.readline()
            text += line
            if not line:
                raise AssertionError(f"the demo did not start: {text.decode()} {process.stderr.read().decode()}")
            with contextlib.suppress(json.JSONDecodeError):
                facts = json.loads(text)
                break
        yield Federation(facts)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
