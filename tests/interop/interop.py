#!/usr/bin/env python3
"""What we sign, judged by others: the JDK's XML security (secure validation), xmlsec1, openssl. Evidence comes from `demo --check`."""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))
from support import Tally, run  # noqa: E402

tally = Tally()

with tempfile.TemporaryDirectory() as folder:
    evidence = pathlib.Path(folder) / "evidence"
    done = run("demo", "--check", "--data", pathlib.Path(folder) / "data", "--evidence", evidence, timeout=300)
    tally.check("demo --check", done.returncode == 0, done.stdout.decode() + done.stderr.decode())

    signed = sorted(evidence.glob("*/*.xhe.xml")) + sorted(evidence.glob("*/*.smp-metadata.xml"))
    java = subprocess.run(["java", str(ROOT / "tests" / "interop" / "jdk_verify" / "Verify.java"), *map(str, signed)], capture_output=True, text=True)
    for file in signed:
        tally.check(f"JDK verifies {file.relative_to(evidence)}", f"{file}: valid" in java.stdout, java.stdout + java.stderr)
    tampered = pathlib.Path(folder) / "tampered.xml"
    tampered.write_bytes(signed[0].read_bytes().replace(b"digg.se:edelivery:process", b"digg.se:edelivery:Process"))
    java = subprocess.run(["java", str(ROOT / "tests" / "interop" / "jdk_verify" / "Verify.java"), str(tampered)], capture_output=True, text=True)
    tally.check("and refuses a changed one", "INVALID" in java.stdout, java.stdout + java.stderr)

    for list_ in sorted((evidence / "crl").glob("*.crl")):
        text = subprocess.run(["openssl", "crl", "-in", str(list_), "-inform", "DER", "-noout", "-text"], capture_output=True, text=True)
        tally.check(f"openssl reads {list_.name}", text.returncode == 0 and "CRL Number" in text.stdout, text.stderr)
    for certificate in sorted((evidence / "certificates").glob("AP*.crt")):
        verified = subprocess.run(["openssl", "verify", "-partial_chain", "-trusted", str(evidence / "trust" / "as4.pem"), str(certificate)], capture_output=True, text=True)
        tally.check(f"openssl verifies {certificate.name}", verified.returncode == 0, verified.stderr)

tally.finish(at_least=20)
