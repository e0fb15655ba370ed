#!/usr/bin/env python3
"""A running access point as its operator treats it: reload by command and by signal, keys encrypted at rest, inventory, an ordinary user's rights
(AP-19, SEC-44, SEC-46, SEC-53, SEC-120)."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

from federation import running_demo
from support import BUDKAVLE, Tally, run, run_json

NORRBY, OST = "0203:norrby.example.se", "0203:region-ost.example.se"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


def events(folder, stream="technical"):
    file = folder / "log" / f"{stream}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []


def crosses(federation):
    message_id, status, answer = federation.post(NORRBY, OST)
    if status != 202:
        return f"{status} {answer}"
    final = federation.wait_final(NORRBY, message_id)
    return final["status"] if final else "no status"


def check_reload(federation, tally):
    ap1 = federation.data / "ap1"
    config = ap1 / "ap1.toml"
    original = config.read_text()
    pid = federation.pid("ap1")

    done = run("reload", "--config", config, check=(0, 1))
    tally.check("reload of an unchanged configuration", done.returncode == 0, done.stderr)
    tally.check("the process is the same", federation.pid("ap1") == pid)

    # SIGHUP alone, the configuration with a fault: the old one stays, and the log says why.
    config.write_text(original.replace("[ap.a]", "[ap.a]\nsurprise = 1"))
    refused = run("reload", "--config", config, check=(0, 1, 2))
    tally.check("reload: the command refuses a faulty file before it asks", refused.returncode != 0 and b"surprise" in refused.stderr, refused.stderr)
    os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (told := [e for e in events(ap1) if e["event"] == "process.reload_refused"]):
        time.sleep(0.1)
    tally.check("SIGHUP with a faulty file is told with its place", bool(told) and "surprise" in told[-1]["text"] and "ap1.toml:" in told[-1]["place"], told)
    config.write_text(original.replace('data = "data"', 'data = "other"'))
    restart = run("reload", "--config", config, check=(0, 1))
    tally.check("reload: what needs a restart is refused", restart.returncode == 1 and b"restart" in restart.stderr.lower(), restart.stderr)
    config.write_text(original)
    tally.check("messages cross all the same", crosses(federation) == "ACCEPTED")
    return config, original


def check_keys(federation, tally, config, original):
    keys = federation.data / "ap1" / "keys"
    secret = keys / "passphrase"
    secret.write_text("en mening som ingen annan har\n")
    secret.chmod(0o600)
    for name in ("as4", "tls"):
        openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", "600000", "-in", keys / f"{name}.key", "-out", keys / f"{name}.enc", "-passout", f"file:{secret}")
        (keys / f"{name}.enc").chmod(0o600)
    openssl("pkcs12", "-export", "-inkey", keys / "tls.key", "-in", keys / "tls.crt", "-out", keys / "tls.p12", "-passout", f"file:{secret}")
    (keys / "tls.p12").chmod(0o600)
    strict = re.sub(r"plain = true.*", 'passphrase_file = "keys/passphrase"', original)
    encrypted = strict.replace('keys/as4.key', 'keys/as4.enc').replace('keys/tls.key', 'keys/tls.enc')
    packed = encrypted.replace('[ap.a]\naddress = "127.0.0.1"', '[ap.a]\naddress = "127.0.0.1"\npkcs12 = "keys/tls.p12"', 1)
    start = packed.index("[ap.a]")
    end = packed.index("[ap.c]")
    packed = packed[:start] + packed[start:end].replace('key = "keys/tls.enc"\n', "").replace('certificate = "keys/tls.crt"\n', "") + packed[end:]

    def verdict(text, expected, name):
        config.write_text(text)
        done = run("reload", "--config", config, check=(0, 1, 2))
        good = done.returncode == 0 if expected is None else done.returncode != 0 and expected in done.stderr
        tally.check(name, good, done.stderr)

    verdict(strict, b"not encrypted", "plain keys are refused without the switch")
    verdict(encrypted, None, "encrypted PKCS#8 with a passphrase from a file")
    verdict(packed, None, "encrypted PKCS#12")
    tally.check("messages cross with encrypted keys", crosses(federation) == "ACCEPTED")
    (keys / "as4.enc").chmod(0o644)
    verdict(encrypted, b"mode 0644", "a key that others may read is refused")
    (keys / "as4.enc").chmod(0o600)
    secret.write_text("en annan mening")
    verdict(encrypted, b"passphrase", "a wrong passphrase is refused")
    tally.check("no secret in any output or log", not any("mening" in path.read_text(errors="replace") for path in (federation.data / "ap1" / "log").glob("*")))
    config.write_text(original)
    verdict(original, None, "back to the first configuration")

    credentials = federation.data / "credentials"
    credentials.mkdir()
    (credentials / "key-passphrase").write_text("en mening som ingen annan har\n")
    by_manager = encrypted.replace('passphrase_file = "keys/passphrase"', 'passphrase_credential = "key-passphrase"')
    config.write_text(by_manager)
    done = subprocess.run([BUDKAVLE, "config", "check", config], capture_output=True, env={**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)}, timeout=60)
    tally.check("passphrase as a credential of the service manager", done.returncode == 0, done.stderr)
    done = run("config", "check", config, check=(0, 1, 2))
    tally.check("without the credential the configuration is refused", done.returncode != 0 and b"credential" in done.stderr, done.stderr)
    config.write_text(original)


def check_inventory(federation, tally, config):
    _, answer = run_json("pki", "inventory", "--config", config)
    uses = {one["use"] for one in answer["certificates"]}
    tally.check("inventory: every use", {"ap.as4", "ap.a", "ap.c", "trust.as4", "trust.smp", "trust.tls"} <= uses, uses)
    shown = subprocess.run(["openssl", "x509", "-in", federation.data / "ap1" / "keys" / "as4.crt", "-noout", "-fingerprint", "-sha256", "-enddate", "-dateopt", "iso_8601"],
                           capture_output=True, text=True, timeout=60).stdout
    fingerprint = re.search(r"Fingerprint=(\S+)", shown).group(1).replace(":", "").lower()
    end = re.search(r"notAfter=(\S+)", shown).group(1)
    own = [one for one in answer["certificates"] if one["use"] == "ap.as4"]
    tally.check("inventory: as openssl reads it", own and own[0]["sha256"] == fingerprint and own[0]["notAfter"].startswith(end), (own, shown))


def check_rights(federation, tally, config):
    pid = federation.pid("ap1")
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
    tally.check("no core dumps", re.search(r"Max core file size\s+0\s+0", limits) is not None, limits)
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    tally.check("umask 077", "Umask:\t0077" in status, status)
    tally.check("no new privileges", "NoNewPrivs:\t1" in status, status)
    loose = [str(path) for path in (federation.data / "ap1" / "data").rglob("*") if path.lstat().st_mode & 0o077]
    tally.check("what it writes is for its owner only", not loose, loose[:5])
    if os.geteuid() == 0:
        done = run("serve", "--config", config, check=(0, 1, 2))
        tally.check("root is refused by default", done.returncode != 0 and b"--allow-root" in done.stderr, done.stderr)
        done = run("serve", "--config", config, "--user", "no-such-user", check=(0, 1, 2))
        tally.check("an unknown user is refused", done.returncode != 0 and b"user" in done.stderr, done.stderr)
        # `nobody` cannot read the keys: that it gets so far shows that the rights of root are gone.
        done = run("serve", "--config", config, "--user", "nobody", check=(0, 1, 2))
        tally.check("the rights of root are given up", done.returncode != 0, done.stdout)


def main():
    tally = Tally()
    with running_demo() as federation:
        config, original = check_reload(federation, tally)
        check_keys(federation, tally, config, original)
        check_inventory(federation, tally, config)
        check_rights(federation, tally, config)
    tally.finish(at_least=22)


if __name__ == "__main__":
    main()
