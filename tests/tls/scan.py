#!/usr/bin/env python3
"""The scanners' word on interface A of a running access point (AP-10: at least grade A; AP-12).

sslscan in every test run; `--testssl` adds testssl.sh (`./run tls`). The grade follows the published guide of SSL Labs: protocol 30 %, key exchange 30 %,
cipher 40 %, from what the scanner measured; any finding that the guide caps below A fails. A chain to a private authority is no fault here: the scanner is given it.
`--report DIR` keeps what the scanners said."""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import xml.etree.ElementTree as tree

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

from federation import running_demo  # noqa: E402
from support import Tally  # noqa: E402

HOST = "ap1.sdk-demo.test"
SUITES = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
          "ECDHE-RSA-CHACHA20-POLY1305"}
PROTOCOL = {"SSL 2": 0, "SSL 3": 80, "TLS 1.0": 90, "TLS 1.1": 95, "TLS 1.2": 100, "TLS 1.3": 100}


def key_score(bits):
    return 100 if bits >= 4096 else 90 if bits >= 2048 else 80 if bits >= 1024 else 40


def cipher_score(bits):
    return 100 if bits >= 256 else 80 if bits >= 128 else 20 if bits > 0 else 0


def grade(protocols, key_bits, cipher_bits):
    """(letter, score). A capped configuration is no A whatever its score."""
    score = 0.3 * (PROTOCOL[max(protocols)] + PROTOCOL[min(protocols)]) / 2 + 0.3 * key_score(key_bits)
    score += 0.4 * (cipher_score(max(cipher_bits)) + cipher_score(min(cipher_bits))) / 2
    capped = min(protocols) < "TLS 1.2" or key_bits < 2048 or min(cipher_bits) < 128
    return ("A" if score >= 80 and not capped else "B or worse"), score


def sslscan(port, client, report, tally):
    command = ["sslscan", "--no-colour", "--xml=-", f"--sni-name={HOST}", f"--certs={client['cert']}", f"--pk={client['key']}", f"127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    (report / "sslscan.xml").write_text(done.stdout)
    found = tree.fromstring(done.stdout).find("ssltest")
    enabled = {f"{one.get('type').upper()} {one.get('version')}" for one in found.findall("protocol") if one.get("enabled") == "1"}
    tally.check("sslscan: TLS 1.2 and 1.3, nothing older", enabled == {"TLS 1.2", "TLS 1.3"}, enabled)
    ciphers = found.findall("cipher")
    suites = {one.get("cipher") for one in ciphers}
    tally.check("sslscan: forward-secret AEAD suites only", suites and suites <= SUITES, suites - SUITES)
    # Compression is not measured by this sslscan (its OpenSSL has none); tls_matrix.py offers it octet by octet.
    renegotiation = found.find("renegotiation")
    tally.check("sslscan: no renegotiation", renegotiation.get("supported") == "0" or renegotiation.get("secure") == "1", renegotiation.attrib)
    heartbleed = [one.get("vulnerable") for one in found.findall("heartbleed")]
    tally.check("sslscan: no heartbleed", heartbleed and set(heartbleed) == {"0"}, heartbleed)
    key = found.find("certificates/certificate/pk")
    tally.check("sslscan: the key of the certificate", key is not None and key.get("type") == "RSA" and int(key.get("bits")) >= 2048, key)
    letter, score = grade(enabled or {"SSL 2"}, int(key.get("bits")) if key is not None else 0, [int(one.get("bits")) for one in ciphers] or [0])
    print(f"sslscan: grade {letter}, score {score:.0f}; {', '.join(sorted(enabled))}; {', '.join(sorted(suites))}")
    tally.check("grade A by sslscan's figures", letter == "A", f"{letter} {score}")


def testssl(port, trust, report, tally):
    out = report / "testssl.json"
    out.unlink(missing_ok=True)
    command = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--ip", "127.0.0.1", "--add-ca", trust, "--connect-timeout", "20", "--openssl-timeout", "20",
               "--jsonfile", str(out), f"https://{HOST}:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
    (report / "testssl.txt").write_text(done.stdout)
    findings = json.loads(out.read_text())
    tally.check("testssl: it ran", len(findings) > 60, f"{len(findings)} findings; {done.stdout[-300:]}")
    # What is true of every private network: no OCSP stapling, no CAA, no transparency, a chain to its own authority, HTTP headers for browsers.
    private = ("cert_chain_of_trust", "cert_revocation", "OCSP_stapling", "DNS_CAArecord", "certificate_transparency", "cert_trust", "HSTS", "HPKP", "security_headers",
               "cert_crlDistributionPoints", "cert_ocspURL", "cert_mustStapleExtension", "cert_validityPeriod", "cert_extlifeSpan", "engine_problem", "scanTime")
    bad = [one for one in findings if one["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and not one["id"].startswith(private)]
    for one in bad:
        print(f"  {one['severity']} {one['id']}: {one['finding']}")
    tally.check("testssl: nothing of severity MEDIUM or above", not bad, [one["id"] for one in bad])
    offered = {one["id"]: one["finding"] for one in findings}
    for protocol in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
        tally.check(f"testssl: {protocol} not offered", offered.get(protocol, "").startswith("not offered"), offered.get(protocol))
    for protocol in ("TLS1_2", "TLS1_3"):
        tally.check(f"testssl: {protocol} offered", offered.get(protocol, "").startswith("offered"), offered.get(protocol))
    print(f"testssl: {len(findings)} findings, {len(bad)} of severity MEDIUM or above")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--testssl", action="store_true")
    parser.add_argument("--report")
    options = parser.parse_args()
    tools = ["sslscan"] + (["testssl"] if options.testssl else [])
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        sys.exit(f"missing: {', '.join(missing)} (Debian packages sslscan, testssl.sh)")
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="budkavle-scan-") as folder, running_demo() as federation:
        report = pathlib.Path(options.report or folder)
        report.mkdir(parents=True, exist_ok=True)
        facts = federation.facts
        port = urllib.parse.urlsplit(facts["accessPoints"][0]["url"]).port
        other = facts["accessPoints"][1]
        sslscan(port, {"cert": other["tlsCert"], "key": other["tlsKey"]}, report, tally)
        if options.testssl:
            testssl(port, facts["trust"]["tls"], report, tally)
    tally.finish(at_least=14 if options.testssl else 6)


if __name__ == "__main__":
    main()
