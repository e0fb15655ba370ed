"""Certificates with every fault, made with `openssl` from the keys of a demo's TLS authority."""
import pathlib
import subprocess
import time


def openssl(*words, folder=None):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, cwd=folder, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def stamp(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))


class Issuer:
    """One authority: key file (perhaps with a passphrase file) and certificate."""

    def __init__(self, folder, name, key, certificate, passphrase=None):
        self.folder, self.name, self.key, self.certificate, self.passphrase = pathlib.Path(folder), name, key, certificate, passphrase
        (self.folder / f"{name}.index").write_text("")
        (self.folder / f"{name}.index.attr").write_text("unique_subject = no\n")

    @classmethod
    def make(cls, folder, name, subject):
        """A new one, with this subject."""
        folder = pathlib.Path(folder)
        key, certificate = folder / f"{name}.ca.key", folder / f"{name}.ca.crt"
        openssl("req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", key, "-out", certificate, "-days", "30", "-subj", subject,
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        return cls(folder, name, key, certificate)

    def issue(self, name, host, start=-1, end=30, bits=3072, digest="sha256", usage="", revoked=False):
        """Key and certificate files for `host`; `start` and `end` in days from now."""
        folder = self.folder
        key, request, certificate = (folder / f"{name}.{suffix}" for suffix in ("key", "csr", "crt"))
        config = folder / f"{name}.cnf"
        config.write_text(
            f"[ca]\ndefault_ca = d\n[d]\nnew_certs_dir = {folder}\ndatabase = {folder}/{self.name}.index\nrand_serial = yes\n"
            f"default_md = {digest}\npolicy = p\nx509_extensions = e\n[p]\ncommonName = supplied\norganizationName = supplied\n"
            f"[e]\nkeyUsage = critical,digitalSignature,keyEncipherment\nsubjectAltName = DNS:{host}\n"
            f"authorityKeyIdentifier = keyid\n{'extendedKeyUsage = ' + usage if usage else ''}\n")
        openssl("req", "-new", "-newkey", f"rsa:{bits}", "-nodes", "-keyout", key, "-out", request, "-subj", f"/O=Prov/CN={host}")
        secret = ["-passin", f"file:{self.passphrase}"] if self.passphrase else []
        openssl("ca", "-batch", "-notext", "-config", config, "-in", request, "-out", certificate, "-cert", self.certificate,
                "-keyfile", self.key, *secret, "-startdate", stamp(start), "-enddate", stamp(end))
        return Pair(certificate, key)


class Pair:
    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key


def self_signed(folder, name, host):
    certificate, key = pathlib.Path(folder) / f"{name}.crt", pathlib.Path(folder) / f"{name}.key"
    openssl("req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", key, "-out", certificate, "-days", "30", "-subj", f"/O=Prov/CN={host}",
            "-addext", f"subjectAltName=DNS:{host}")
    return Pair(certificate, key)
