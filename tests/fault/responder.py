"""An OCSP responder: `openssl ocsp` answers with the key of a demo's own authority, one process a question; this server carries the octets, and may hang,
talk nonsense or be away."""
import contextlib
import http.server
import pathlib
import subprocess
import tempfile
import threading


class Responder:
    def __init__(self, world, folder, ca="ca-ap", store="as4"):
        self.folder, self.mode, self.asked = pathlib.Path(folder), "right", 0
        self.folder.mkdir(exist_ok=True)
        pem = (world.folder / "trust" / f"{store}.pem").read_text()
        self.issuer = self.folder / "issuer.pem"
        self.issuer.write_text(pem[:pem.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n")
        self.key, self.passphrase = world.folder / "ca" / "authority" / "keys" / f"{ca}.pem", world.folder / "ca" / "passphrase"
        rows = []
        for ap in world.facts["accessPoints"]:
            serial = subprocess.run(["openssl", "x509", "-in", ap["cert"], "-noout", "-serial"], capture_output=True, text=True, check=True).stdout.strip().split("=")[1]
            rows.append(f"V\t400101000000Z\t\t{serial}\tunknown\t/CN={ap['id']}\n")
        (self.folder / "index.txt").write_text("".join(rows))
        self.server = None
        self.port = 0

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 the name is the base class's
                outer.asked += 1
                question = self.rfile.read(int(self.headers["Content-Length"]))
                outer.released.wait(60 if outer.mode == "hangs" else 0)
                answer = b"no answer" if outer.mode == "nonsense" else outer.answer(question)
                self.send_response(200)
                self.send_header("Content-Type", "application/ocsp-response")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                with contextlib.suppress(OSError):  # who asked may have been killed meanwhile
                    self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.released = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.port}/"

    def answer(self, question):
        with tempfile.TemporaryDirectory() as made:
            asked, told = pathlib.Path(made) / "question", pathlib.Path(made) / "answer"
            asked.write_bytes(question)
            subprocess.run(["openssl", "ocsp", "-index", self.folder / "index.txt", "-CA", self.issuer, "-rsigner", self.issuer, "-rkey", self.key, "-passin", f"file:{self.passphrase}",
                            "-nmin", "5", "-reqin", asked, "-respout", told], check=True, capture_output=True)
            return told.read_bytes()

    def stop(self):
        if self.server:
            self.released.set()
            self.server.shutdown()
            self.server.server_close()
            self.server = None
