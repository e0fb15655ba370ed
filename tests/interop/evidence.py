"""What we sign, judged by others: the JDK's XML security (secure validation), openssl. The evidence comes from `demo --check`."""
import pathlib
import subprocess

from support import ROOT, run as budkavle

VERIFY = ROOT / "tests" / "interop" / "jdk_verify" / "Verify.java"


def verified(*files):
    return subprocess.run(["java", str(VERIFY), *map(str, files)], capture_output=True, text=True)


def run(cases, folder):
    evidence = pathlib.Path(folder) / "evidence"
    done = budkavle("demo", "--check", "--data", pathlib.Path(folder) / "data", "--evidence", evidence, timeout=300)
    cases.check("demo --check", done.returncode == 0, done.stdout.decode() + done.stderr.decode())
    signed = sorted(evidence.glob("*/*.xhe.xml")) + sorted(evidence.glob("*/*.smp-metadata.xml"))
    java = verified(*signed)
    for file in signed:
        cases.check(f"JDK verifies {file.relative_to(evidence)}", f"{file}: valid" in java.stdout, java.stdout + java.stderr)
    tampered = pathlib.Path(folder) / "tampered.xml"
    tampered.write_bytes(signed[0].read_bytes().replace(b"digg.se:edelivery:process", b"digg.se:edelivery:Process"))
    java = verified(tampered)
    cases.check("and refuses a changed one", "INVALID" in java.stdout, java.stdout + java.stderr)
    for one in sorted((evidence / "crl").glob("*.crl")):
        text = subprocess.run(["openssl", "crl", "-in", str(one), "-inform", "DER", "-noout", "-text"], capture_output=True, text=True)
        cases.check(f"openssl reads {one.name}", text.returncode == 0 and "CRL Number" in text.stdout, text.stderr)
    for certificate in sorted((evidence / "certificates").glob("AP*.crt")):
        verdict = subprocess.run(["openssl", "verify", "-partial_chain", "-trusted", str(evidence / "trust" / "as4.pem"), str(certificate)], capture_output=True, text=True)
        cases.check(f"openssl verifies {certificate.name}", verdict.returncode == 0, verdict.stderr)
