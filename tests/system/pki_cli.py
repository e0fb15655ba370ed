#!/usr/bin/env python3
"""`budkavle pki` from outside: a ceremony of an offline root, an online CA below it, requests and approvals by two persons, revocation,
renewal, a PKI in a security module. openssl judges everything that leaves."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from support import BUDKAVLE, Tally, run, run_json

POINTS = 7
OFFICIALS = ("--official", "Anna A", "--official", "Bo B", "--witness", "Cecilia C", "--place", "Sundsvall")


def shell(folder, command):
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=120)


def config(folder, more="", keys="passphrase_file = \"passphrase\"\n"):
    folder.mkdir()
    (folder / "passphrase").write_text("en lång lösenfras\n")
    (folder / "passphrase").chmod(0o600)
    file = folder / "ca.toml"
    file.write_text(f"[log]\nfolder = \"log\"\ncomponent = \"ca\"\n[ca]\naddress = \"127.0.0.1\"\nport = 8080\nfolder = \"authority\"\n{keys}"
                    f"base_urls = [\"http://pki.example.se\"]\nowner = {{ organisation = \"Exempelmyndigheten\", organisational_unit = \"eDelivery\" }}\n{more}")
    return file


def ceremony(file, answers, *arguments):
    return subprocess.run([BUDKAVLE, "pki", "ceremony", *map(str, arguments[:1]), "--config", str(file), *OFFICIALS, *map(str, arguments[1:])],
                          input=answers, capture_output=True, text=True, timeout=120)


def offline_root(scratch, tally):
    vault, online = config(scratch / "vault"), config(scratch / "online")
    root = ("--id", "rot", "--name", "Rot CA", "--purpose", "issuing-cas")
    stopped = ceremony(vault, "ja\n" * (POINTS - 1) + "nej\n", "root", *root, "--out", scratch / "stopped")
    tally.check("a point that is not confirmed ends the ceremony", stopped.returncode == 1 and not any((scratch / "stopped").iterdir()), stopped.stderr)
    alone = run("pki", "ceremony", "root", "--config", vault, "--official", "Anna", "--official", "anna", "--place", "x", *root, "--out", scratch / "alone")
    tally.check("one person is no ceremony", alone.returncode == 1, alone.stderr)
    made = ceremony(vault, "yes\n" * POINTS, "root", *root, "--out", scratch / "one")
    tally.check("ceremony of the root", made.returncode == 0, made.stderr)
    ca = ("--id", "ap", "--name", "Accesspunkt CA", "--purpose", "access-point")
    run("pki", "ca-request", "--config", online, "--who", "anna", *ca, "--out", scratch / "ap.csr", check=(0,))
    made = ceremony(vault, "ja\n" * POINTS, "certify", "--ca", "rot", *ca, "--request", scratch / "ap.csr", "--out", scratch / "two")
    tally.check("ceremony of the issuing CA", made.returncode == 0, made.stderr)
    made = ceremony(vault, "ja\n" * POINTS, "crl", "--ca", "rot", "--out", scratch / "three")
    tally.check("ceremony of the list", made.returncode == 0, made.stderr)
    shell(scratch, "openssl x509 -in one/rot.pem -noout -pubkey > rot.pub")
    for part in ("one", "two", "three"):
        judged = shell(scratch / part, "openssl dgst -sha256 -verify ../rot.pub -signature protocol.txt.sig protocol.txt")
        tally.check(f"openssl verifies the protocol of {part}", judged.returncode == 0, judged.stderr)
        protocol = (scratch / part / "protocol.txt").read_text()
        hashes = re.findall(r"^file: (\S+) sha256 ([0-9a-f]{64})$", protocol, re.M)
        for name, value in hashes:
            file = scratch / part / name
            if file.exists():
                tally.check(f"hash of {name}", shell(scratch / part, f"sha256sum {name}").stdout.startswith(value))
        tally.check(f"protocol of {part} names officials, program, points",
                    all(word in protocol for word in ("official: Anna A", "official: Bo B", "witness: Cecilia C", "software-sha256: ")) and protocol.count("confirmed: ") == POINTS, protocol)
    run("pki", "ca-install", "--config", online, "--who", "anna", "--id", "ap", "--purpose", "access-point", "--certificate", scratch / "two/ap.pem",
        "--root", scratch / "one/rot.pem", "--root-id", "rot", check=(0,))
    run("pki", "crl-import", "--config", online, "--who", "anna", "--ca", "rot", scratch / "three/rot.crl", check=(0,))
    older = run("pki", "crl-import", "--config", online, "--who", "anna", "--ca", "rot", scratch / "one/rot.crl")
    tally.check("an older list is refused", older.returncode == 1, older.stderr)
    return online


def life_of_a_certificate(scratch, online, tally):
    for name in ("a", "b"):
        shell(scratch, f"openssl req -newkey rsa:3072 -nodes -keyout {name}.key -subj /O=Exempelkommun/CN=x -out {name}.csr")
    common = ("--config", online, "--who")
    alone = run("pki", "issue", *common, "anna", "--ca", "ap", "--profile", "access-point", "--name", "AP0001-LAB", "--organisation", "Exempelkommun", "--request", scratch / "a.csr")
    tally.check("nobody issues alone", alone.returncode == 1 and b"four_eyes" in alone.stderr, alone.stderr)
    _, request = run_json("pki", "request", scratch / "a.csr", *common, "anna", "--ca", "ap", "--profile", "access-point", "--name", "AP0001-LAB", "--organisation", "Exempelkommun")
    tally.check("taken in", request["state"] == "received", request)
    spki = shell(scratch, "openssl req -in a.csr -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum").stdout.split()[0]
    tally.check("fingerprint as openssl computes it", request["keySha256"] == spki, request)
    run("pki", "verify", *common, "anna", "--id", request["id"], "--fingerprint", spki, "--note", "Ringt.", check=(0,))
    same = run("pki", "approve", *common, "anna", "--id", request["id"], "--note", "x")
    tally.check("the same person does not approve", same.returncode == 1, same.stderr)
    run("pki", "approve", *common, "bo", "--id", request["id"], "--note", "Avtal finns.", check=(0,))
    run("pki", "deliver", *common, "bo", "--id", request["id"], "--out", scratch / "a.pem", check=(0,))
    serial = int(shell(scratch, "openssl x509 -in a.pem -noout -serial").stdout.strip().split("=")[1], 16)
    aia = shell(scratch, "openssl x509 -in a.pem -noout -ocsp_uri").stdout.strip()
    tally.check("the certificate names the responder", aia == "http://pki.example.se/ocsp", aia)
    _, renewal = run_json("pki", "renew", scratch / "b.csr", *common, "anna", "--ca", "ap", "--serial", serial)
    run("pki", "verify", *common, "anna", "--id", renewal["id"], "--fingerprint", renewal["keySha256"], "--note", "Ringt.", check=(0,))
    run("pki", "approve", *common, "bo", "--id", renewal["id"], "--note", "Byte.", check=(0,))
    run("pki", "deliver", *common, "bo", "--id", renewal["id"], "--out", scratch / "b.pem", check=(0,))
    _, both = run_json("pki", "certificates", "--config", online, "--search", "ap0001", "--state", "valid")
    tally.check("two certificates at once", both["total"] == 2, both)
    _, revocation = run_json("pki", "revoke-request", *common, "anna", "--ca", "ap", "--serial", serial, "--reason", "superseded", "--cause", "Bytt enligt plan.")
    run("pki", "approve", *common, "bo", "--id", revocation["id"], "--note", "Ja.", check=(0,))
    shell(scratch, "cp online/authority/publish/ap.crl . && openssl crl -inform DER -in ap.crl -out ap.crl.pem; openssl crl -inform DER -in three/rot.crl -out rot.crl.pem")
    verify = "openssl verify -crl_check_all -CAfile one/rot.pem -untrusted two/ap.pem -CRLfile ap.crl.pem -CRLfile rot.crl.pem "
    good, bad = shell(scratch, verify + "b.pem"), shell(scratch, verify + "a.pem")
    tally.check("openssl: the new certificate is good", good.returncode == 0, good.stdout + good.stderr)
    tally.check("openssl: the old one is revoked", "revoked" in bad.stdout + bad.stderr, bad.stdout + bad.stderr)
    again = run("pki", "request", scratch / "b.csr", *common, "anna", "--ca", "ap", "--profile", "access-point", "--name", "AP0002-LAB", "--organisation", "Exempelkommun")
    tally.check("a key is certified once", again.returncode == 1, again.stdout)
    pasted = run("pki", "request", scratch / "b.key", *common, "anna", "--ca", "ap", "--profile", "access-point", "--name", "AP0003-LAB", "--organisation", "Exempelkommun")
    tally.check("a private key is refused", pasted.returncode == 1, pasted.stdout)
    _, requests = run_json("pki", "requests", "--config", online, "--state", "rejected")
    tally.check("refused requests are kept with findings", requests["total"] == 2 and all(one["findings"] for one in requests["requests"]), requests)
    audit = (online.parent / "log" / "audit.jsonl").read_text()
    tally.check("audit has the acts and no secrets", all(word in audit for word in ("ca.request_changed", "ca.private_key_received", "ca.issued", "ca.revoked")) and "PRIVATE KEY" not in audit)


def security_module(scratch, tally):
    (scratch / "tokens").mkdir()
    (scratch / "softhsm2.conf").write_text(f"directories.tokendir = {scratch}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(scratch / "softhsm2.conf")
    shell(scratch, "softhsm2-util --init-token --free --label pki --so-pin 12345678 --pin 4711")
    (scratch / "pin").write_text("4711\n")
    (scratch / "pin").chmod(0o600)
    file = config(scratch / "token", keys=f"keys = \"pkcs11:token=pki?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source={scratch}/pin\"\n")
    made = run("pki", "root", "--config", file, "--who", "anna", "--id", "o2o", "--name", "O2O CA", "--purpose", "organisation", "--out", scratch / "o2o.pem")
    tally.check("root with its key in a security module", made.returncode == 0, made.stderr)
    judged = shell(scratch, "openssl verify -check_ss_sig -CAfile o2o.pem o2o.pem && openssl crl -inform DER -in token/authority/publish/o2o.crl -CAfile o2o.pem -noout")
    tally.check("openssl verifies what it signs", judged.returncode == 0 and "verify OK" in judged.stderr, judged.stdout + judged.stderr)
    tally.check("no key file", not list((scratch / "token" / "authority" / "keys").iterdir()))
    inline = config(scratch / "inline", keys="keys = \"pkcs11:token=pki?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-value=4711\"\n")
    refused = run("pki", "root", "--config", inline, "--who", "anna", "--id", "x", "--name", "X", "--purpose", "organisation")
    tally.check("a PIN in the configuration is refused", refused.returncode != 0)


def main():
    tally = Tally()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="budkavle-pki-"))
    try:
        online = offline_root(scratch, tally)
        life_of_a_certificate(scratch, online, tally)
        security_module(scratch, tally)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    tally.finish(at_least=30)


if __name__ == "__main__":
    main()
