#!/usr/bin/env python3
"""Messages with one fault each, and harmless variations, over mutual TLS to a running access point with its four-corner checks on.

Every adverse message must be refused with the right code, the answer and the transfer log must name the rule, nothing may be
receipted or handed over; after each class a correct message must be taken. Every harmless one must be receipted.
"""
import argparse
import collections
import csv
import os
import pathlib
import shutil
import signal
import tempfile

from bed import BUDKAVLE, NORRBY, REGION, SODERBY, Log, Pki, Poster, Tally, error_of, forge, inbox, prepare, restart, running_demo

tally = Tally()
CONSTANT = "Decryption failed."


def make_keys(federation, pki):
    aps = {ap["name"]: ap for ap in federation.facts["accessPoints"]}
    participants = federation.participants
    for name, source in {"signer": aps["ap1"], "recipient": aps["ap2"], "o2o": participants[NORRBY]["o2o"], "o2o-recipient": participants[REGION]["o2o"]}.items():
        shutil.copy(source["cert"], pki.keys / f"{name}.crt")
        shutil.copy(source["key"], pki.keys / f"{name}.key")
    pki.mint("stranger", "AP0003-SDK-DEMO")
    pki.mint("expired", aps["ap1"]["id"], **{"from": -7200, "until": -3600})
    pki.foreign("foreign", aps["ap1"]["id"])
    pki.revoke(pki.issue("revoked", "AP0004-SDK-DEMO"))
    return pki.keys


def rows(folder):
    with open(folder / "INDEX.tsv", encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter="\t")


class Run:
    def __init__(self, federation, folder):
        self.federation, self.folder = federation, folder
        ap1, ap2 = federation.facts["accessPoints"]
        self.poster = Poster(ap2["url"], ap1["tlsCert"], ap1["tlsKey"], federation.facts["trust"]["tls"])
        self.log = Log(federation.data / "ap2" / "log" / "transfer.jsonl")
        self.pid = federation.pid("ap2")

    def send(self, row):
        headers = dict(line.split(": ", 1) for line in (self.folder / f"{row['name']}.headers").read_text().splitlines())
        status, _, answer = self.poster.post(headers, (self.folder / f"{row['name']}.body").read_bytes())
        return status, answer, self.log.new()

    def adverse(self, row):
        status, answer, lines = self.send(row)
        name, code, detail = row["name"], *error_of(answer)
        tally.check(f"{name}: no receipt", b"NonRepudiationInformation" not in answer, "a receipt was sent")
        tally.check(f"{name}: code", code == row["code"], f"HTTP {status} {code} {detail!r}, expected {row['code']}")
        wanted = row["detail"] or row["rule"]
        fits = detail == wanted if row["detail"] else wanted in detail
        tally.check(f"{name}: the answer names the rule", fits, f"{detail!r} instead of {wanted}")
        refusals = [line for line in lines if line.get("event") == "as4.refused"]
        tally.check(f"{name}: one line in the log", len(refusals) == 1, str(lines))
        said = " ".join(f"{line.get('rule', '')} {line.get('error', {}).get('rule', '') if isinstance(line.get('error'), dict) else ''} {line}" for line in refusals)
        tally.check(f"{name}: the log names the rule", (row["log"] or row["rule"]) in said, f"{refusals}")

    def harmless(self, row):
        status, answer, lines = self.send(row)
        return tally.check(f"{row['name']} is taken", status == 200 and b"NonRepudiationInformation" in answer, f"HTTP {status} {error_of(answer)} {lines}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", help="part of a class name")
    options.add_argument("--keep", help="folder for the messages")
    options = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="budkavle-") as data, tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(options.keep or made)
        federation, pki = prepare(data)
        keys = make_keys(federation, pki)
        print(forge("write", "--keys", keys, "--from", NORRBY, "--to", REGION, "--elsewhere", SODERBY, "--federation", federation.facts["federationId"], "--seed", options.seed, *(["--only", options.only] if options.only else []), "--out", folder).strip())
        index = list(rows(folder))
        good = iter([])
        extra = folder / "good"
        forge("write", "--keys", keys, "--from", NORRBY, "--to", REGION, "--elsewhere", SODERBY, "--federation", federation.facts["federationId"], "--seed", 7, "--only", "1.4-agreement", "--out", extra)
        with running_demo(data=data) as running:
            os.kill(running.pid("mt-region"), signal.SIGSTOP)  # what is delivered stays where it can be counted
            try:
                judge(running, folder, index)
            finally:
                os.kill(running.pid("mt-region"), signal.SIGCONT)
    adverse = sum(row["kind"] == "adverse" for row in index)
    print(f"{adverse} adverse messages, {len(index) - adverse} harmless ones")
    if not options.only:
        tally.check("at least 400 adverse messages", adverse >= 400, str(adverse))
        tally.check("at least 100 harmless messages", len(index) - adverse >= 100, str(len(index) - adverse))
    tally.finish(at_least=1 if options.only else 2000)


def judge(federation, folder, index):
    first = Run(federation, folder)
    accepted = set()
    pings = {row["name"] for row in index if row["name"].startswith("ok-TA17")}
    plain = [row for row in index if not row["setting"]]
    correct = [row for row in plain if row["kind"] == "harmless" and row["name"] not in pings]
    spare = collections.deque(row for row in correct if not row["name"].startswith("ok-AP-6"))
    last = None
    for row in plain:
        if row["kind"] == "harmless":
            if row["messageId"] in accepted:
                continue
            if first.harmless(row) and row["name"] not in pings:
                accepted.add(row["messageId"])
            continue
        first.adverse(row)
        stem = row["name"].rsplit("-", 1)[0]
        if stem != last:  # after the first of each class: still there, still accepting
            last = stem
            if spare:
                one = spare.popleft()
                if first.harmless(one):
                    accepted.add(one["messageId"])
    tally.check("the access point is the same process as before", federation.pid("ap2") == first.pid, "it was started again")
    for method in ("GET", "PUT", "DELETE"):
        status, _, answer = first.poster.post({}, None, method)
        tally.check(f"1.1-method: {method} is not for AS4", status in (200, 405) and b"Receipt" not in answer if method == "GET" else status == 405, str(status))
    waiting = inbox(federation, "ap2", "mt-region", REGION)
    tally.check("exactly the accepted messages are handed over, each once", sorted(waiting) == sorted(accepted), f"{len(waiting)} in the inbox, {len(accepted)} accepted; {sorted(set(waiting) ^ accepted)[:5]}")
    switched = [row for row in index if row["setting"] in ("key_transport", "partners")]
    if switched:
        with_settings(federation, folder, switched)


def with_settings(federation, folder, index):
    """The same access point with its named switches on: older key transport, partners whose certificate is at hand."""
    config = federation.data / "ap2" / "ap2.toml"
    text = config.read_text()
    switches = 'key_transport = ["oaep_sha256_mgf_sha1", "oaep_sha1_mgf_sha1", "mgf1p_sha256", "mgf1p_sha1"]\npartners = ["' + str(federation.data / "ap1" / "keys" / "as4.crt") + '"]\n'
    config.write_text(text.replace("[ap]\n", "[ap]\n" + switches, 1))
    restart(federation, "ap2")
    second = Run(federation, folder)
    for row in index:
        second.harmless(row)


if __name__ == "__main__":
    main()
