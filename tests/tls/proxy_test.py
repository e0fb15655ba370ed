#!/usr/bin/env python3
"""AP-13: nginx terminates the peers' TLS in front of an access point and hands their certificates on. A message crosses, the log names the peer and not
the proxy; what the proxy refuses, what it must not hand on, and what a stranger pretends is refused with the right cause."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance"), str(HERE.parent / "system")]

import adverse  # noqa: E402
from bed import NORRBY, REGION, SODERBY, Log, Poster, Tally, error_of, forge, inbox, prepare, restart, running_demo  # noqa: E402
from pki import self_signed  # noqa: E402
from tls_matrix import ask, context_for  # noqa: E402

tally = Tally()


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return probe.getsockname()[1]


CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log info;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size 0; large_client_header_buffers 4 32k;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {tls_cert}; ssl_certificate_key {tls_key}; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    ssl_client_certificate {trust}; ssl_verify_client {demand}; ssl_verify_depth 3;
    location / {{
      proxy_pass https://127.0.0.1:{inner};
      proxy_http_version 1.1;
      proxy_request_buffering off; proxy_buffering off; proxy_next_upstream off;
      proxy_read_timeout 600s; proxy_send_timeout 600s;
      proxy_ssl_certificate {proxy_cert}; proxy_ssl_certificate_key {proxy_key};
      proxy_ssl_trusted_certificate {trust}; proxy_ssl_verify on; proxy_ssl_verify_depth 3; proxy_ssl_name {host}; proxy_ssl_server_name on;
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
      proxy_set_header Host {host};
      proxy_set_header Client-Cert {handed};
    }}
  }}
}}
"""


class Nginx:
    """One nginx in the foreground, ended by its own process id."""

    def __init__(self, folder, **values):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.port = free_port()
        file = self.folder / "nginx.conf"
        file.write_text(CONFIGURATION.format(folder=self.folder, port=self.port, **values))
        self.process = subprocess.Popen(["nginx", "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(file)], stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            if self.process.poll() is not None:
                raise AssertionError(f"nginx did not start: {self.process.stderr.read().decode()}")
            time.sleep(0.1)

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=30)


def post_through(url, port, pair, trust, folder, name):
    """A message of the forge to the proxy instead of the access point itself."""
    parts = urllib.parse.urlsplit(url)
    poster = Poster(f"https://{parts.hostname}:{port}{parts.path}", *pair, trust)
    headers = dict(line.split(": ", 1) for line in (folder / f"{name}.headers").read_text().splitlines())
    return poster, *poster.post(headers, (folder / f"{name}.body").read_bytes())


def run(federation, folder, messages):
    facts = federation.facts
    ap1, ap2 = facts["accessPoints"]
    trust = facts["trust"]["tls"]
    proxy = self_signed(folder, "proxy", "proxy.internal.example.se")
    config = federation.data / "ap2" / "ap2.toml"
    head, tail = config.read_text().split("[ap.a]\n", 1)
    config.write_text(f"{head}[ap.a.proxy]\ncertificates = [\"{proxy.certificate}\"]\n\n[ap.a]\n{tail}")
    restart(federation, "ap2")
    parts = urllib.parse.urlsplit(ap2["url"])
    values = {"inner": parts.port, "host": parts.hostname, "trust": trust, "tls_cert": ap2["tlsCert"], "tls_key": ap2["tlsKey"],
              "proxy_cert": proxy.certificate, "proxy_key": proxy.key}
    servers = {name: Nginx(folder / name, **values, demand=demand, handed=handed) for name, demand, handed in (
        ("right", "on", "$ssl_client_escaped_cert"), ("lax", "optional_no_ca", "$ssl_client_escaped_cert"), ("forgetful", "on", '""'))}
    audit, transfer = Log(federation.data / "ap2" / "log" / "audit.jsonl"), Log(federation.data / "ap2" / "log" / "transfer.jsonl")
    try:
        peer = (ap1["tlsCert"], ap1["tlsKey"])
        names = sorted(path.stem for path in messages.glob("*.body"))
        poster, status, _, answer = post_through(ap2["url"], servers["right"].port, peer, trust, messages, names[0])
        tally.check("a message crosses nginx and gets its receipt", status == 200 and b"NonRepudiationInformation" in answer, f"{status} {error_of(answer)} {answer[:200]}")
        tally.check("and is handed over once", len(inbox(federation, "ap2", "mt-region", REGION)) == 1)
        tally.check("the transfer log has it", any(line.get("event") == "as4.received" for line in transfer.new()))
        status, _, answer = poster.post({"Content-Type": "application/soap+xml", "Client-Cert": "x"}, b"<no/>")
        tally.check("a peer's own header of that name is replaced by nginx", status in (200, 400, 500) and status != 403, f"{status} {answer[:200]}")

        def refused(name, server, certificate, key, code):
            audit.new()
            try:
                status = post_through(ap2["url"], servers[server].port, (certificate, key), trust, messages, names[1])[1]
            except OSError:
                status = "none"
            said = [line.get("code") for line in audit.new() if line.get("event") == "tls.refused" and line.get("interface") == "a"]
            tally.check(f"{name}: refused", status in (400, 403, "none"), str(status))
            if code:
                tally.check(f"{name}: the log says {code}", code in said, str(said))

        stranger = self_signed(folder, "stranger", "stranger.example.se")
        refused("a self-signed client before nginx that verifies", "right", stranger.certificate, stranger.key, None)
        refused("a self-signed client handed on by an nginx that does not verify", "lax", stranger.certificate, stranger.key, "tls.untrusted")
        o2o = facts["participants"][0]["o2o"]
        refused("an organisation certificate handed on", "lax", o2o["cert"], o2o["key"], "tls.untrusted")
        refused("an nginx that hands on nothing", "forgetful", *peer, "tls.no_certificate")

        # Straight to the access point: the header of a stranger is nothing.
        direct = Poster(ap2["url"], *peer, trust)
        headers = dict(line.split(": ", 1) for line in (messages / f"{names[2]}.headers").read_text().splitlines())
        status, _, answer = direct.post({**headers, "Client-Cert": urllib.parse.quote(pathlib.Path(stranger.certificate).read_text())}, (messages / f"{names[2]}.body").read_bytes())
        tally.check("a peer without proxy is who its own connection says, whatever header it sends", status == 200 and b"NonRepudiation" in answer, f"{status} {answer[:200]}")
        status, _ = ask(parts.port, context_for(stranger, trust), parts.hostname)
        tally.check("without its certificate nobody is the proxy", status == "", status)
        status, _ = ask(parts.port, context_for(proxy, trust), parts.hostname)
        tally.check("the proxy's certificate alone is no peer", "403" in status, status)
    finally:
        for server in servers.values():
            server.stop()
    # Without the switch the same proxy is a stranger.
    config.write_text(f"{head}[ap.a]\n{tail}")
    restart(federation, "ap2")
    status, _ = ask(parts.port, context_for(proxy, trust), parts.hostname)
    tally.check("without the switch the proxy's certificate opens nothing", status == "", status)


def main():
    if not shutil.which("nginx"):
        sys.exit("nginx is missing: './run tls' installs it")
    with tempfile.TemporaryDirectory(prefix="budkavle-") as data, tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        federation, pki = prepare(data)
        keys = adverse.make_keys(federation, pki)
        messages = folder / "messages"
        forge("write", "--keys", keys, "--from", NORRBY, "--to", REGION, "--elsewhere", SODERBY, "--federation", federation.facts["federationId"], "--only", "ok-AP-6-original", "--out", messages)
        with running_demo(data=data) as running:
            os.kill(running.pid("mt-region"), signal.SIGSTOP)  # what is delivered stays where it can be counted
            try:
                run(running, folder, messages)
            finally:
                os.kill(running.pid("mt-region"), signal.SIGCONT)
    tally.finish(at_least=14)


if __name__ == "__main__":
    main()
