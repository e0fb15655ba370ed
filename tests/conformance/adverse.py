#!/usr/bin/env python3
"""Messages with one fault each, and harmless variations, over mutual TLS to a running access point with its four-corner checks on.

Every adverse message must be refused with the right code, the answer and the transfer log must name the rule, nothing may be
receipted or handed over; after each class a correct message must be taken. Every harmless one must be receipted.
"""
import argparse
import collections
import contextlib
import csv
import os
import pathlib
import re
import shutil
import signal
import tempfile
import urllib.parse

from bed import NORRBY, REGION, SODERBY, Client, Log, Pki, Poster, Tally, error_of, forge, inbox, prepare, restart, running_demo

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

    def exchange(self, row):
        headers = dict(line.split(": ", 1) for line in (self.folder / f"{row['name']}.headers").read_text().splitlines())
        status, answered, answer = self.poster.post(headers, (self.folder / f"{row['name']}.body").read_bytes())
        return status, answered, answer, self.log.new()

    def send(self, row):
        status, _, answer, lines = self.exchange(row)
        return status, answer, lines

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
    options.add_argument("--only", action="append", default=[], help="part of a class name; may be given several times")
    options.add_argument("--keep", help="folder for the messages")
    options = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="budkavle-") as data, tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(options.keep or made)
        federation, pki = prepare(data)
        keys = make_keys(federation, pki)
        print(forge("write", "--keys", keys, "--from", NORRBY, "--to", REGION, "--elsewhere", SODERBY, "--federation", federation.facts["federationId"], "--seed", options.seed, *[part for one in options.only for part in ("--only", one)], "--out", folder).strip())
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
    if any(row["setting"] in LATER for row in index):
        come_again(federation, folder, index)
    submissions(federation, folder, index)


SWITCHES = 'key_transport = ["oaep_sha256_mgf_sha1", "oaep_sha1_mgf_sha1", "mgf1p_sha256", "mgf1p_sha1"]\n'
# Reasons to refuse for now: what the configuration says then, and what stands in the log.
LATER = {"quota": "[ap.quota]\nmessages = 1\n", "disk": f"least_free_disk = {1 << 50}\n", "maintenance": ""}


@contextlib.contextmanager
def configured(federation, name, change):
    """The access point with a changed configuration, and as before afterwards."""
    config = federation.data / name / f"{name}.toml"
    text = config.read_text()
    config.write_text(change(text))
    restart(federation, name)
    try:
        yield
    finally:
        config.write_text(text)
        restart(federation, name)


@contextlib.contextmanager
def stopped(pid):
    """A process that does nothing meanwhile, so that what is sent to it waits."""
    if pid:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if pid:
            os.kill(pid, signal.SIGCONT)


def in_section(settings):
    return lambda text: text + "\n" + settings if settings.startswith("[") else text.replace("[ap]\n", "[ap]\n" + settings, 1)


def with_settings(federation, folder, index):
    """The same access point with its named switches on: older key transport, partners whose certificate is at hand. What no switch
    allows is refused all the same."""
    partner = federation.data / "ap1" / "keys" / "as4.crt"
    with configured(federation, "ap2", in_section(SWITCHES + f'partners = ["{partner}"]\n')):
        second = Run(federation, folder)
        for row in index:
            second.harmless(row) if row["kind"] == "harmless" else second.adverse(row)


def come_again(federation, folder, index):
    """No room for the participant, on the disk, or maintenance: 503 with Retry-After (as4-wire.md 1.1), nothing kept, and taken afterwards."""
    if not inbox(federation, "ap2", "mt-region", REGION):  # something must wait, or a quota of one message allows the next
        Run(federation, folder / "good").harmless(next(rows(folder / "good")))
    for setting, settings in LATER.items():
        refused = [row for row in index if row["setting"] == setting]
        maintenance = federation.data / "ap2" / "data" / "maintenance"
        with configured(federation, "ap2", in_section(settings)):
            if setting == "maintenance":
                maintenance.touch()
            technical, said = Log(federation.data / "ap2" / "log" / "technical.jsonl"), []
            run, before = Run(federation, folder), inbox(federation, "ap2", "mt-region", REGION)
            for row in refused:
                status, headers, answer, lines = run.exchange(row)
                tally.check(f"{row['name']}: 503 with Retry-After", status == 503 and headers.get("Retry-After", "").isdigit(), f"HTTP {status} {dict(headers)}")
                tally.check(f"{row['name']}: no final error, no receipt", error_of(answer)[0] == "" and b"NonRepudiation" not in answer, str(answer[:300]))
                said += lines
            said += technical.new()
            tally.check(f"{setting}: the log names the rule", any(row["rule"] in str(line) for line in said), str(said))
            tally.check(f"{setting}: nothing was kept", inbox(federation, "ap2", "mt-region", REGION) == before, "the inbox has changed")
        maintenance.unlink(missing_ok=True)
        run = Run(federation, folder)
        for row in refused:
            run.harmless(row)


def submissions(federation, folder, index):
    """access-point.md 3, steps 1-3, on interface C of the sending access point: who may hand over what."""
    ap1 = next(ap for ap in federation.facts["accessPoints"] if ap["name"] == "ap1")
    services = federation.facts["messageServices"]
    trust = federation.facts["trust"]["tls"]
    ours, other = (Client(ap1["interfaceC"], services[name]["cert"], services[name]["key"], trust) for name in ("mt-kommun", "mt-region"))

    def submit(name, want, rule, envelope, client=ours, participant=NORRBY, key=None, headers=None):
        own = re.search(rb"<xhb:ID[^>]*>([^<]+)</xhb:ID><xhb:CreationDateTime>", envelope)
        key = f"{own.group(1).decode() if own else 'none'}:0" if key is None else key
        status, answer = client.json("POST", f"/c/v1/participants/{urllib.parse.quote(participant, safe='')}/outbox", envelope,
                                     {"Content-Type": "application/xml", **({"Idempotency-Key": key} if key else {}), **(headers or {})})
        tally.check(f"submit {name}: {want}", status == want, f"HTTP {status} {answer}")
        tally.check(f"submit {name}: the answer names {rule}", rule in str(answer), str(answer))

    def envelopes(stem):
        return [(row, (folder / f"{row['name']}.xhe").read_bytes()) for row in index if row["name"].startswith(stem) and (folder / f"{row['name']}.xhe").exists()]

    for row, envelope in envelopes("TF-09"):
        submit(row["name"], 400, row["rule"], envelope)
    for row, envelope in envelopes("AP-4.9"):
        submit(row["name"], 400, "AP-20", envelope)
    for row, envelope in envelopes("K23-sender"):
        submit(row["name"], 403, "AP-31", envelope)
    good = [envelope for _, envelope in envelopes("ok-AP-6-original")]
    if len(good) < 3:
        return
    submit("AP-31-another-service", 403, "AP-31", good[0], client=other)
    submit("AP-31-another-participant", 403, "AP-31", good[0], participant=REGION)
    submit("AP-31-unknown-participant", 403, "AP-31", good[0], participant="0203:okand.example.se")
    submit("AP-3.1-no-key", 400, "Idempotency-Key", good[0], key="")
    submit("AP-3.1-key-of-another", 400, "Idempotency-Key", good[0], key="other:0")
    submit("K1-conversation", 400, "K1", good[0], headers={"Conversation-Id": "two words"})
    submit("AP-7-too-large", 413, "AP-7", good[0], headers={"Content-Length": "151000000"})  # answered before the rest is sent
    submit("good", 202, "as4MessageId", good[1])
    submit("good again", 200, "as4MessageId", good[1])
    submit("AP-3.1-key-used-before", 409, "Idempotency-Key", good[1] + b"\n")
    for setting in LATER:
        marker = federation.data / "ap1" / "data" / "maintenance"
        with configured(federation, "ap1", in_section(LATER[setting])), stopped(federation.pid("ap2") if setting == "quota" else None):
            if setting == "maintenance":
                marker.touch()
            if setting == "quota":
                submit("the one that the quota allows", 202, "as4MessageId", good[0])
            submit(f"SEC-107-{setting}", 503, "SEC-91" if setting == "maintenance" else "SEC-107", good[2])
        marker.unlink(missing_ok=True)
    not_approved(federation, submit, good[2])


def not_approved(federation, submit, envelope):
    """access-point.md 3 step 2: the participant is approved in the federation."""
    def withdraw(text):
        head = f'[[ap.participants]]\nid = "{NORRBY}"\n'
        assert head in text, text
        return text.replace(head, head + "approved = false\n", 1)
    with configured(federation, "ap1", withdraw):
        submit("AP-3.2-not-approved", 403, "AP-31", envelope)
    submit("AP-3.2-approved", 202, "as4MessageId", envelope)


if __name__ == "__main__":
    main()
