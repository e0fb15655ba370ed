#!/usr/bin/env python3
"""Random administration of two SMPs, locator and PKI while name server, database and services fail; afterwards SMP, locator, DNS, CertPub and PKI agree.

Operations go through the administration API; processes are killed (kill -9) at random moments, the name server and the PostgreSQL server are away for a
while. When everything runs again and has settled, `budkavle consistency` finds nothing. Then faults are planted where nobody should write; each is found
and, with --repair, mended. The seed is printed; --seed repeats the choices.
"""
import argparse
import collections
import concurrent.futures
import http.client
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from authority import MESSAGE, PROFILE, RECEIPT, Administration, Outside, Platform, Process, Refused, first_pem, quoted, second_smp, sh, sha256, wait_for  # noqa: E402

ORGANISATION, NORRBY = "Norrby kommun", "0203:norrby.example.se"
PUBLISHERS = ("SMP-SDK-DEMO", "SMP-SDK-DEMO-2")


def program(name):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        raise SystemExit(f"{name} is missing; install postgresql (see ./run)")
    return str(found[-1])


class Postgres(Process):
    """A PostgreSQL server of its own, on a Unix socket."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.who = folder, {}
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        super().__init__("postgresql", [program("postgres"), "-D", str(folder / "data"), "-k", str(folder), "-c", "listen_addresses=", "-c", "max_connections=80"], folder.parent / "postgres.log")
        self.tool("initdb", "-D", folder / "data", "-U", "budkavle", "-E", "UTF8", "-A", "trust", "--locale=C.UTF-8")
        self.start()
        self.tool("createdb", "-h", folder, "-U", "budkavle", "sdk")

    def tool(self, name, *arguments):
        done = subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True, cwd="/", **self.who)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, wait=True):
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", **self.who)
        ready = [program("pg_isready"), "-h", str(self.folder), "-q"]
        wait_for(lambda: subprocess.run(ready).returncode == 0, 60, "PostgreSQL does not come up")

    def sql(self, schema, text):
        return self.tool("psql", "-h", self.folder, "-U", "budkavle", "-d", "sdk", "-v", "ON_ERROR_STOP=1", "-Atqc", f"SET search_path TO {schema}; {text}").strip()


def without_database(text, table, postgres, schema):
    """The register of this table lies on the server instead of in a file."""
    head, tail = text.split(f"[{table}]\n", 1)
    first, rest = tail.split("\n", 1)
    assert first.startswith("database"), first
    return f'{head}[{table}]\n{rest}\n[{table}.postgresql]\nserver = "host={postgres.folder} user=budkavle dbname=sdk"\nschema = "{schema}"\n'


class World:
    def __init__(self, folder):
        self.postgres = Postgres(folder / "pg")
        self.platform = platform = Platform(folder / "demo", "--key-bits", "2048")
        self.outside = Outside(platform, folder / "seen")
        edit = lambda name, *tables: [platform.configs[name].write_text(without_database(platform.configs[name].read_text(), *one)) for one in tables]  # noqa: E731
        edit("smp", ("smp", self.postgres, "smp"))
        edit("sml", ("sml", self.postgres, "sml"))
        edit("ca", ("admin.smp", self.postgres, "smp"), ("admin.sml", self.postgres, "sml"))
        for name in ("ap1", "ap2", "mt-kommun", "mt-region"):
            del platform.processes[name]
        platform.processes["postgresql"] = self.postgres
        self.tsig = (platform.folder / "sml/keys/tsig").read_text().strip()
        self.first = Administration(platform)
        platform.start("ca", "dns", "sml")
        zone = platform.zone
        self.first.call("PUT", f"/sml/domains/{zone}", {"zone": zone, "participantPattern": "iso6523-actorid-upis::.+", "reason": "ny"})
        self.first.call("PUT", "/sml/accounts/smp", {"domain": zone, "certificate": first_pem(platform.folder / "smp/keys/tls.crt"), "reason": "ny"})
        self.second = self.second_smp()
        self.lock = threading.Lock()
        self.as4 = {"ap1": [], "ap2": []}
        for one in platform.facts["accessPoints"]:
            self.as4[one["name"]].append(one["cert"])
        self.o2o = [one["o2o"]["cert"] for one in platform.facts["participants"] if one["id"] == NORRBY]
        for admin in (self.first, self.second):
            for op in ("ap1", "ap2"):
                admin.call("PUT", f"/smp/operators/{op}", {"name": op})
                admin.call("POST", f"/smp/operators/{op}/ap-certificates", {"name": op, "certificate": first_pem(self.as4[op][0])})
                for endpoint in ("a", "b"):
                    admin.call("PUT", f"/smp/operators/{op}/endpoints/{endpoint}", self.endpoint(op, 0))
        platform.start("smp", "smp2")
        # One participant each that stays: so both SMPs are known at the locator.
        for admin, who in ((self.first, "0203:forst.example.se"), (self.second, "0203:andra.example.se")):
            self.publish(admin, who)
        self.settled(60)

    @staticmethod
    def publish(admin, who):
        path = "/smp/operators/ap1/participants"
        for words in (("POST", path, {"id": who, "organisation": ORGANISATION}), ("POST", f"{path}/{quoted(who)}/services", {"document": MESSAGE, "endpoints": ["a"]}),
                      ("POST", f"{path}/{quoted(who)}/status", {"status": "approved"})):
            while True:
                try:
                    admin.call(*words)
                    break
                except Refused as refused:
                    assert refused.status == 429, refused
                    time.sleep(0.2)

    def second_smp(self):
        _, second = second_smp(self.platform, self.first, f"""[admin.smp.postgresql]
server = "host={self.postgres.folder} user=budkavle dbname=sdk"
schema = "smp2\"""", ('schema = "smp"', 'schema = "smp2"'))
        self.platform.processes["smp2-admin"].start()
        return second

    def endpoint(self, op, number):
        return {"uri": f"https://{op}-{number}.example.se/as4", "profile": PROFILE, "certificateSha256": sha256(self.as4[op][-1])}

    def nsupdate(self, *lines):
        text = f"server 127.0.0.1 {self.platform.facts['dnsPort']}\nzone {self.platform.zone}\n" + "".join(line + "\n" for line in lines) + "send\n"
        sh("nsupdate", "-y", f"hmac-sha256:smlkey:{self.tsig}", stdin=text)

    def settled(self, seconds):
        """Nothing found and nothing on its way."""
        report = {}

        def calm():
            report.update(self.platform.consistency("--patience", "0", "--once"))
            return not report["findings"] and report["pending"] == 0
        wait_for(calm, seconds, lambda: f"not settled: {json.dumps(report, indent=1)[:3000]}", pause=0.5)
        report.update(self.platform.consistency("--patience", "0"))
        assert not report["findings"], report
        return report


class Storm:
    """Operations of many people, one after the other, each by its rights."""

    def __init__(self, world, seed, count):
        self.world, self.seed, self.count = world, seed, count
        self.own = threading.local()
        self.ids = [f"0203:kommun-{i}.example.se" for i in range(max(6, min(40, count // 20)))]
        self.operator = {}  # of the participant, as far as is known
        self.outcomes, self.refusals = collections.Counter(), collections.Counter()
        self.rolled = 0

    @property
    def chance(self):
        return self.own.chance

    def run(self, number):
        """One of several people at work."""
        self.own.chance = random.Random(self.seed * 16 + number)
        while self.outcomes["done"] + self.outcomes["refused"] < self.count:
            self.one()

    def call(self, admin, op, method, path, body=None):
        """As somebody who may; waits when there were too many questions, or nobody answers."""
        people = ["anna"] if admin is self.world.second else {"ap1": ["anna", "ola"], "ap2": ["anna", "oda"], None: ["anna"]}[op]
        deadline = time.monotonic() + 120
        while True:
            try:
                return admin.call(method, path, body, who=self.chance.choice(people))
            except Refused as refused:
                if refused.status != 429 and refused.status < 500:
                    raise
            except (OSError, http.client.HTTPException):
                self.outcomes["no answer"] += 1
            if time.monotonic() > deadline:
                raise AssertionError(f"{method} {path}: no answer for two minutes")
            time.sleep(0.1)

    def one(self):
        world, chance = self.world, self.chance
        admin = world.first if chance.random() < 0.75 else world.second
        who = chance.choice(self.ids)
        op = self.operator.get((admin is world.first, who)) if chance.random() < 0.95 else None
        op = op or chance.choice(("ap1", "ap2"))
        operator, there = f"/smp/operators/{op}", f"/smp/operators/{op}/participants/{quoted(who)}"
        call = lambda *words: self.call(admin, op, *words)  # noqa: E731
        change = {"change": "endpoint.put", "operator": op, "name": chance.choice("ab"), **world.endpoint(op, chance.randrange(4))}
        acts = {
            "register": (14, lambda: call("POST", operator + "/participants", {"id": who, "organisation": ORGANISATION})),
            "certificate": (8, lambda: call("POST", there + "/certificates", {"use": chance.choice(("signing", "encryption")), "certificate": first_pem(world.o2o[-1])})),
            "service": (16, lambda: call("POST", there + "/services", {"document": chance.choice((MESSAGE, RECEIPT)), "endpoints": [chance.choice("ab")]})),
            "approve": (14, lambda: call("POST", there + "/status", {"status": "approved"})),
            "reject": (2, lambda: call("POST", there + "/status", {"status": chance.choice(("rejected", "pending")), "reason": "x"})),
            "suspend": (8, lambda: call("POST", there + "/suspension", {"suspended": chance.random() < 0.5, "reason": "x"})),
            "remove service": (3, lambda: call("POST", there + "/service-removals", {"document": chance.choice((MESSAGE, RECEIPT))})),
            "withdraw certificate": (2, lambda: call("DELETE", f"{there}/certificates/{chance.choice(('signing', 'encryption'))}/{sha256(world.o2o[-1])}?reason=x")),
            "deregister": (5, lambda: call("DELETE", there + "?reason=x")),
            "move endpoint": (5, lambda: call("PUT", f"{operator}/endpoints/{change['name']}", world.endpoint(op, chance.randrange(4)))),
            "bulk": (3, lambda: call("POST", operator + "/bulk-changes", {"change": change})),
            "plan": (2, lambda: call("POST", operator + "/planned-changes", {"change": change, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))})),
            "roll back": (2, lambda: call("POST", there + "/rollback", {"version": chance.randint(1, 4), "reason": "x"})),
            "change operator": (2, lambda: self.call(admin, None, "POST", there + "/move", {"to": "ap2" if op == "ap1" else "ap1", "reason": "x"})),
            "republish": (2, lambda: call("POST", there + "/publication")),
            "operator state": (1, lambda: self.call(admin, None, "POST", operator + "/state", {"state": chance.choice(("active", "active", "suspended")), "reason": "x"})),
            "migrate": (4, lambda: self.migrate(admin, who)),
            "reconcile": (1, lambda: self.call(world.first, None, "POST", f"/sml/domains/{world.platform.zone}/reconciliation")),
            "rebuild": (0.3, lambda: self.call(world.first, None, "POST", f"/sml/domains/{world.platform.zone}/rebuild", {"reason": "x"})),
            "roll certificate": (0.4, lambda: self.roll(op)),
        }
        if self.rolled == 0 and self.outcomes["done"] > self.count // 8:
            name = "roll certificate"  # at least once, also in a short run
        else:
            name = chance.choices(list(acts), [weight for weight, _ in acts.values()])[0]
        try:
            acts[name][1]()
            if name in ("register", "change operator"):
                self.operator[admin is world.first, who] = op if name == "register" else "ap2" if op == "ap1" else "ap1"
            self.outcomes["done"] += 1
            self.outcomes[name] += 1
        except Refused as refused:
            self.outcomes["refused"] += 1
            self.refusals[f"{name}: {refused.status}"] += 1

    def migrate(self, admin, who):
        """The other SMP publishes it first; then the locator moves it by a key that the first one makes, and the first one lets it go."""
        world = self.world
        here, there = (0, 1) if admin is world.first else (1, 0)
        other = world.second if admin is world.first else world.first
        body = {"participant": "iso6523-actorid-upis::" + who, "key": "Ab12!?Cd34xy"}
        path = "/smp/operators/ap1/participants"
        self.call(world.first, None, "POST", f"/sml/publishers/{PUBLISHERS[here]}/migration-preparations", body)
        self.operator[other is world.first, who] = "ap1"
        self.quietly(other, "POST", path, {"id": who, "organisation": ORGANISATION})
        self.call(other, None, "POST", f"{path}/{quoted(who)}/services", {"document": MESSAGE, "endpoints": ["a"]})
        self.call(other, None, "POST", f"{path}/{quoted(who)}/status", {"status": "approved"})
        self.call(world.first, None, "POST", f"/sml/publishers/{PUBLISHERS[there]}/migrations", body)
        for op in ("ap1", "ap2"):
            self.quietly(admin, "DELETE", f"/smp/operators/{op}/participants/{quoted(who)}?reason=flyttad")

    def quietly(self, admin, *words):
        try:
            return self.call(admin, None, *words)
        except Refused:
            return None

    def roll(self, op):
        """A new AS4 certificate by the PKI, swapped in at both SMPs; the old one is revoked."""
        world = self.world
        with world.lock:
            self.roll_one(world, op)

    def roll_one(self, world, op):
        self.rolled += 1
        where = world.platform.folder / "rolled" / f"{op}-{self.rolled}"
        name = {"ap1": "AP0001-SDK-DEMO", "ap2": "AP0002-SDK-DEMO"}[op]
        owner = next(one for one in world.platform.facts["accessPoints"] if one["name"] == op)
        organisation = sh("openssl", "x509", "-in", owner["cert"], "-noout", "-subject", "-nameopt", "utf8,sep_multiline").stdout.split("O=")[1].split("\n")[0]
        patient = Patient(self)
        new = world.platform.certify(patient, "ca-ap", "access-point", name, organisation, where)
        old = world.as4[op][-1]
        for admin in (world.first, world.second):
            self.quietly(admin, "POST", f"/smp/operators/{op}/ap-certificates", {"name": where.name, "certificate": first_pem(new)})
            self.call(admin, op, "POST", f"/smp/operators/{op}/ap-certificates/{sha256(old)}/replacement", {"by": sha256(new)})
        world.as4[op].append(new)
        world.platform.revoke(patient, old, "ca-ap")

    def tidy(self):
        """Old certificates of endpoints: a planned or bulk change, or a rollback, may have brought one back that is revoked by now. The operator swaps it,
        as it would when the checker tells. And who is at both SMPs is let go by the one that the locator does not name."""
        for admin in (self.world.first, self.world.second):
            for op in ("ap1", "ap2"):
                for old in self.world.as4[op][:-1]:
                    self.quietly(admin, "POST", f"/smp/operators/{op}/ap-certificates/{sha256(old)}/replacement", {"by": sha256(self.world.as4[op][-1])})
        names = {}
        after = ""
        while True:
            page = self.call(self.world.first, None, "GET", "/sml/participants?limit=100" + (f"&after={quoted(after)}" if after else ""))
            for one in page["items"]:
                names[one["participant"].split("::")[1]] = one["publisher"].lower()
            after = page.get("next") or ""
            if not after:
                break
        for admin, publisher in ((self.world.first, PUBLISHERS[0]), (self.world.second, PUBLISHERS[1])):
            for who in self.ids:
                if names.get(who, publisher.lower()) != publisher.lower():
                    for op in ("ap1", "ap2"):
                        self.quietly(admin, "DELETE", f"/smp/operators/{op}/participants/{quoted(who)}?reason=dubbel")

    def contradictions(self):
        """What the people of two SMPs decided against each other, they are told: both publish it, and the one that the locator does not name lets it go;
        or it was migrated to an SMP that had withdrawn it meanwhile, and the locator lets it go."""
        told = collections.Counter()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            report = self.world.platform.consistency("--patience", "0")
            if not report["findings"] and report["pending"] == 0:
                break
            if any(one["finding"] in ("locator.elsewhere", "smp.registering") for one in report["findings"]):
                self.tidy()  # both publish it: the locator has decided by now
            for one in report["findings"]:
                if one["finding"] != "locator.extra":
                    continue
                for publisher in PUBLISHERS:
                    self.quietly(self.world.first, "POST", f"/sml/publishers/{publisher}/participant-removals", {"participants": ["iso6523-actorid-upis::" + one["subject"]], "reason": "inte publicerad"})
                told[one["subject"]] += 1
        return len(told)


class Patient:
    """The administration as the PKI's officers ask it: again until there is an answer."""

    def __init__(self, storm):
        self.storm = storm

    def call(self, method, path, body=None, **more):
        deadline = time.monotonic() + 120
        while True:
            try:
                return self.storm.world.first.call(method, path, body, **more)
            except Refused as refused:
                if refused.status != 429 and refused.status < 500:
                    raise
            except (OSError, http.client.HTTPException):
                self.storm.outcomes["no answer"] += 1
            if time.monotonic() > deadline:
                raise AssertionError(f"{method} {path}: no answer for two minutes")
            time.sleep(0.1)


class Failures:
    """Until told to end: kills services, name server and database at random moments and starts them again."""

    def __init__(self, world, chance, pause):
        self.world, self.chance, self.pause = world, chance, pause
        self.done = collections.Counter()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ending.wait(self.chance.uniform(0.2, self.pause)):
            name = self.chance.choice(("smp", "smp2", "sml", "ca", "smp2-admin", "dns", "dns", "postgresql", "postgresql"))
            process = self.world.platform.processes[name]
            process.end(signal.SIGQUIT if name == "postgresql" else signal.SIGKILL)
            self.done[name] += 1
            self.ending.wait(self.chance.uniform(0.0, 2.0 if name in ("dns", "postgresql") else 0.5))
            self.up()

    def up(self):
        """Everything that does not run; a service that comes up before its database is started again."""
        for name in ("postgresql", "dns", "ca", "sml", "smp", "smp2", "smp2-admin"):
            process = self.world.platform.processes[name]
            for _ in range(30):
                if process.alive():
                    break
                try:
                    process.start()
                except AssertionError:
                    process.end(signal.SIGKILL)
                    time.sleep(0.2)

    def end(self):
        self.ending.set()
        self.thread.join()
        self.up()
        return self.done


def plant_and_repair(world):
    """Each fault is found by its name and for its subject; --repair mends them."""
    schema, sql, zone = "smp", world.postgres.sql, world.platform.zone
    ids = [f"0203:planterad-{i}.example.se" for i in range(14)]
    call = world.first.call
    call("POST", "/smp/operators/ap1/state", {"state": "active", "reason": "x"})
    for who in ids[:12]:
        world.publish(world.first, who)
    world.settled(60)
    name = lambda i: world.outside.name(ids[i])  # noqa: E731
    record = '60 NAPTR 100 10 "U" "Meta:SMP" "!.*!https://annan.example.se/!" .'
    world.nsupdate(f"update delete {name(0)}. NAPTR", f"update delete {name(1)}. NAPTR", f"update add {name(1)}. {record}", f"update add {name(12)}. {record}")
    sql(schema, f"UPDATE answer_bodies SET octets = decode('3c782f3e', 'hex') WHERE id = (SELECT body FROM answers WHERE participant = '{ids[2]}' AND document <> '')")
    sql(schema, f"DELETE FROM answers WHERE participant = '{ids[3]}' AND document <> ''")
    sql(schema, f"UPDATE members SET suspended = 1 WHERE folded = '{ids[4]}'")
    sql(schema, f"DELETE FROM locator_queue WHERE participant = '{ids[5]}'")
    sql(schema, f"UPDATE members SET publish_state = 'none' WHERE folded = '{ids[6]}'")
    sql("sml", f"DELETE FROM sml_participants WHERE value = '{ids[7]}'; UPDATE sml_publishers SET participants = participants + 5")
    sql("sml", f"UPDATE sml_participants SET published = NULL WHERE value = '{ids[8]}'")
    sql(schema, f"DELETE FROM member_services WHERE participant = '{ids[9]}'")
    sql(schema, f"UPDATE templates SET uri = 'https://smygandrad.example.se/as4' WHERE operator = 'ap1' AND name = 'b'; UPDATE member_services SET endpoint = 'b' WHERE participant = '{ids[10]}'")
    sql("sml", f"UPDATE sml_participants SET publisher = '{PUBLISHERS[1].lower()}' WHERE value = '{ids[11]}'")
    call("POST", f"/sml/publishers/{PUBLISHERS[0]}/participants", {"participants": ["iso6523-actorid-upis::" + ids[13]]})
    time.sleep(1.5)
    wanted = [("dns.missing", ids[0]), ("dns.wrong", ids[1]), ("dns.extra", name(12)), ("smp.body", ids[2]), ("served.different", ids[2]), ("smp.answers", ids[3]), ("smp.state", ids[4]),
              ("smp.wish", ids[5]), ("locator.extra", ids[5]), ("smp.state", ids[6]), ("locator.missing", ids[7]), ("locator.count", PUBLISHERS[0]), ("locator.limbo", ids[8]), ("smp.state", ids[9]),
              ("served.content", ids[10]), ("locator.elsewhere", ids[11]), ("locator.extra", ids[11]), ("locator.extra", ids[13])]
    found = world.platform.consistency("--patience", "60", "--repair")
    missed = [one for one in wanted if not any(f["finding"] == one[0] and one[1].lower() in f["subject"].lower() for f in found["findings"])]
    assert not missed, f"not found: {missed}\n{json.dumps(found, indent=1)[:6000]}"
    assert all(f["rule"] and f["remedy"] and f["place"] for f in found["findings"]), found
    # One repair may uncover the next: what the wrong SMP lets go of, the right one must register.
    def mended():
        again = world.platform.consistency("--patience", "60", "--repair", "--once")
        return not again["findings"] and again["pending"] == 0
    wait_for(mended, 90, "repairs do not come to an end", pause=1)
    report = world.settled(60)
    print(f"planted: {len(wanted)} inconsistencies found, {found['repairsQueued']} repairs queued, none left", flush=True)
    # What only people can mend: a certificate in use is revoked.
    serial = int(sh("openssl", "x509", "-in", world.as4["ap1"][-1], "-noout", "-serial").stdout.split("=")[1], 16)
    asked = call("POST", f"/pki/certificates/ca-ap/{serial}/revocation", {"crlReason": "keyCompromise", "cause": "planterad"}, who="pia")
    call("POST", f"/pki/requests/{asked['id']}/approval", {"note": "Ja."}, who="pim")
    found = world.platform.consistency("--patience", "60")
    assert any(f["finding"] == "certificate.revoked" and not f["repairable"] for f in found["findings"]), found
    print("planted: a revoked certificate in use is found", flush=True)
    return report


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=150)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--people", type=int, default=3, help="who act at the same time; one alone repeats the choices of a seed exactly")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two failures, at most")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}", flush=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="budkavle-inv-"))
    scratch.chmod(0o755)
    world = failures = None
    good = False
    try:
        world = World(scratch)
        print("two SMPs, locator, name server, PKI and database run", flush=True)
        storm = Storm(world, seed, options.operations)
        failures = Failures(world, random.Random(seed + 1), options.pause)
        with concurrent.futures.ThreadPoolExecutor(options.people) as pool:
            people = [pool.submit(storm.run, number) for number in range(options.people)]
            while concurrent.futures.wait(people, 30).not_done:
                print(f"  {storm.outcomes['done']} done, {storm.outcomes['refused']} refused; failures {sum(failures.done.values())}", flush=True)
            for one in people:
                one.result()
        storm.own.chance = random.Random(seed)
        struck = failures.end()
        failures = None
        storm.tidy()
        print(f"{storm.contradictions()} contradictions between the people of two SMPs, found and settled by people", flush=True)
        report = world.settled(240)
        assert storm.outcomes["done"] > options.operations // 4, storm.outcomes
        print(f"{options.operations} operations ({dict(storm.outcomes)}), failures {dict(struck)}; then: {report['participants']} participants, {report['answers']} answers, "
              f"{report['names']} names, {report['certificates']} certificates, 0 findings; seed {seed}", flush=True)
        plant_and_repair(world)
        good = True
    finally:
        if failures:
            failures.end()
        if world:
            world.platform.stop()
        if options.keep or not good:
            print(f"left: {scratch}; seed {seed}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
