#!/usr/bin/env python3
"""Kill -9 and power cuts under traffic: nothing lost, nothing doubled, both sides agree.

Every round sends messages between all participants, kills processes at random moments (from outside, or at a chosen system
call through the preloaded shim), plays power cuts, sends concurrent copies and a hostile envelope straight to an access
point, lets everything come up again, and then compares what senders were told with what stands in the inboxes.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import powercut  # noqa: E402
from federation import Client, Federation, payload  # noqa: E402
from support import BUDKAVLE, ROOT  # noqa: E402

SHIM = pathlib.Path(os.environ.get("FAULT_SHIM", ROOT / "build" / "release" / "tests" / "libfault_shim.so"))
VICTIMS = ["ap1", "ap2", "mt-kommun", "mt-region"]
OTHERS = ["ca", "smp"]
NORRBY, SODERBY, REGION = "0203:norrby.example.se", "0203:soderby.example.se", "0203:region-ost.example.se"
PAIRS = [(NORRBY, REGION), (REGION, NORRBY), (NORRBY, SODERBY), (SODERBY, REGION), (REGION, SODERBY), (SODERBY, NORRBY)]


class Violation(AssertionError):
    pass


class Component:
    """One server process under the shim."""

    def __init__(self, name, command, folder, journal, environment):
        self.name, self.command, self.folder, self.journal, self.environment = name, command, pathlib.Path(folder), journal, environment
        self.process = None
        self.lock = threading.Lock()

    def start(self, kill_at=0):
        environment = dict(self.environment)
        if self.name != "dns":
            powercut.repair(self.journal)
            (self.folder / ".graves").mkdir(exist_ok=True)
            environment |= {"LD_PRELOAD": str(SHIM), "FAULT_DIR": str(self.folder), "FAULT_JOURNAL": str(self.journal), "FAULT_KILL_AT": str(kill_at)}
        with open(self.journal.with_suffix(".out"), "ab") as output:
            self.process = subprocess.Popen(self.command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.alive():
            self.process.send_signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def cut_power(self):
        undone = powercut.apply(self.journal)
        shutil.rmtree(self.folder / ".graves", ignore_errors=True)
        return undone


class World:
    def __init__(self, folder, environment):
        done = subprocess.run([BUDKAVLE, "demo", "--data", str(folder), "--prepare", "--json"], capture_output=True, env=environment)
        if done.returncode != 0:
            raise SystemExit(f"the federation could not be prepared: {done.stdout.decode()}{done.stderr.decode()}")
        self.facts = json.loads(done.stdout)
        self.federation = Federation(self.facts)
        journals = pathlib.Path(folder) / ".journals"
        journals.mkdir()
        self.components = {p["name"]: Component(p["name"], p["command"], pathlib.Path(folder) / p["name"], journals / p["name"], environment) for p in self.facts["processes"]}
        self.kills = self.cuts = self.undone = 0

    def start_all(self):
        for component in self.components.values():
            if not component.alive():
                component.start()
        deadline = time.monotonic() + 60
        for participant in (NORRBY, SODERBY, REGION):
            while True:
                try:
                    self.federation.inbox(participant)
                    break
                except (OSError, http.client.HTTPException, AssertionError):
                    if time.monotonic() > deadline:
                        raise SystemExit(f"{participant}'s message service did not come up; see {self.facts['data']}")
                    time.sleep(0.2)

    def stop_all(self):
        for component in self.components.values():
            component.kill()

    def strike(self, chance, name, kill_at=0):
        """Kills, perhaps cuts the power, starts again (perhaps to die again at a chosen call)."""
        component = self.components[name]
        with component.lock:
            component.kill()
            self.kills += 1
            if chance.random() < 0.5:
                self.cuts += 1
                self.undone += component.cut_power()
            component.start(kill_at)


class Sender:
    """Sends like a careful case system: asks before it repeats, keeps its id."""

    def __init__(self, federation, pair, deadline):
        self.federation, self.pair, self.deadline = federation, pair, deadline
        self.message_id, self.octets = payload(pair[0], pair[1], federation.function(pair[0]), federation.function(pair[1]), text="x" * 2000)
        self.acknowledged = False

    def __call__(self):
        path = self.federation.path(self.pair[0])
        while time.monotonic() < self.deadline:
            try:
                mt = self.federation.mt(self.pair[0], timeout=20)
                status, answer = mt.json("POST", path, self.octets, {"Content-Type": "application/xml"})
                if status == 202:
                    self.acknowledged = True
                    return
                if status in (400, 409):
                    if mt.json("GET", f"{path}/{self.message_id}")[0] == 200:
                        self.acknowledged = True  # an earlier try had been taken, its answer was lost
                        return
                    raise Violation(f"{self.message_id} refused: {status} {answer}")
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.1)


def tool(*arguments):
    done = subprocess.run([BUDKAVLE, *map(str, arguments)], capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout.decode().strip()


class Foreign:
    """A sending access point of our own making, with the keys of ap1: concurrent copies, a hostile envelope."""

    def __init__(self, world, folder):
        self.world, self.folder = world, pathlib.Path(folder)
        self.region = world.federation.participants[REGION]
        self.norrby = world.federation.participants[NORRBY]
        self.ap1, self.ap2 = ({ap["name"]: ap for ap in world.facts["accessPoints"]}[name] for name in ("ap1", "ap2"))

    def request(self, hostile):
        message_id, octets = payload(NORRBY, REGION, self.norrby["functions"][0]["id"], self.region["functions"][0]["id"])
        plain, envelope, body = (self.folder / f"{message_id}.{kind}" for kind in ("xml", "xhe", "body"))
        plain.write_bytes(octets)
        tool("xhe", "seal", "--payload", plain, "--from", NORRBY, "--to", REGION, "--function", self.region["functions"][0]["id"], "--id", message_id,
             "--key", self.norrby["o2o"]["key"], "--cert", self.norrby["o2o"]["cert"], "--to-cert", self.region["o2o"]["cert"], "--out", envelope)
        if hostile:
            # Two faults: the wrapped key is damaged (so it cannot be decrypted), which also breaks the signature.
            text = envelope.read_text()
            start = text.index("CipherValue>") + len("CipherValue>")
            envelope.write_text(text[:start] + ("B" if text[start] != "B" else "C") + text[start + 1:])
        tool("as4", "seal", "--key", self.ap1["key"], "--cert", self.ap1["cert"], "--to-cert", self.ap2["cert"], "--payload", envelope,
             "--property", f"originalSender={NORRBY}", "--property", f"finalRecipient={REGION}", "--out", body)
        headers = dict(line.split(": ", 1) for line in (self.folder / f"{message_id}.body.headers").read_text().splitlines() if line)
        return message_id, body.read_bytes(), headers

    def post(self, body, headers):
        client = Client(self.ap2["url"], self.ap1["tlsCert"], self.ap1["tlsKey"], self.world.facts["trust"]["tls"], timeout=30)
        return client.request("POST", urllib.parse.urlsplit(self.ap2["url"]).path, body, headers)

    def copies(self, number):
        message_id, body, headers = self.request(hostile=False)
        with concurrent.futures.ThreadPoolExecutor(number) as pool:
            answers = list(pool.map(lambda _: self.post(body, headers), range(number)))
        receipts = {answer[2] for answer in answers if answer[0] == 200 and b"NonRepudiationInformation" in answer[2]}
        if any(answer[0] == 200 and b"NonRepudiationInformation" not in answer[2] for answer in answers):
            raise Violation(f"{message_id}: a copy was answered by something else than a receipt: {[answer[2][:300] for answer in answers]}")
        if len(receipts) != 1:
            raise Violation(f"{message_id}: {len(receipts)} different receipts for identical copies")
        return message_id

    def hostile(self):
        message_id, body, headers = self.request(hostile=True)
        status, _, answer = self.post(body, headers)
        if status != 200 or b"NonRepudiationInformation" not in answer:
            raise Violation(f"{message_id}: an access point judged what it cannot read: {status} {answer[:300]}")
        return message_id

    def events(self, participant, **query):
        mt = self.world.facts["messageServices"]["mt-region"]
        client = Client(self.ap2["interfaceC"], mt["cert"], mt["key"], self.world.facts["trust"]["tls"])
        status, answer = client.json("GET", f"/c/v1/participants/{urllib.parse.quote(participant, safe='')}/events?" + urllib.parse.urlencode(query))
        if status != 200:
            raise Violation(f"events: {status} {answer}")
        return answer["events"]


def transfer_lines(world, component, needle):
    lines = []
    for file in (pathlib.Path(world.facts["data"]) / component).rglob("transfer.jsonl"):
        lines += [json.loads(line) for line in file.read_text(errors="replace").splitlines() if needle in line and line.endswith("}")]
    return lines


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (OSError, http.client.HTTPException, AssertionError):
            pass
        time.sleep(0.2)
    raise Violation(what() if callable(what) else what)


def one_round(world, foreign, chance, settle):
    deadline = time.monotonic() + settle
    senders = [Sender(world.federation, pair, deadline) for pair in chance.sample(PAIRS, 4)]
    calm = threading.Event()

    def chaos():
        for _ in range(chance.randint(2, 5)):
            if calm.wait(chance.uniform(0.02, 0.5)):
                return
            name = chance.choice(VICTIMS * 3 + OTHERS)
            world.strike(chance, name, kill_at=chance.randint(5, 600) if chance.random() < 0.5 else 0)

    with concurrent.futures.ThreadPoolExecutor(len(senders) + 1) as pool:
        waiting = [pool.submit(sender) for sender in senders]
        storm = pool.submit(chaos)
        storm.result()
        # Processes that were told to die at a later call are started again without that order.
        for component in world.components.values():
            with component.lock:
                if component.name != "dns":  # nobody kills the name server here; all others may have the order
                    component.kill()
                    if chance.random() < 0.3:
                        world.undone += component.cut_power()
                    component.start()
        world.start_all()
        for future in waiting:
            future.result()

    for sender in senders:
        if not sender.acknowledged:
            raise Violation(f"{sender.message_id} could not be handed over within {settle} s")
        final = world.federation.wait_final(sender.pair[0], sender.message_id, max(10, deadline - time.monotonic()))
        if not final or final["status"] != "ACCEPTED":
            raise Violation(f"{sender.message_id} {sender.pair}: taken, but ends as {json.dumps(final)}")
    copies = foreign.copies(6)
    hostile = foreign.hostile()
    wait_for(lambda: any(m["messageId"] == copies for m in world.federation.inbox(REGION)), 30, lambda: f"{copies}: acknowledged copies never reached the inbox")
    for sender in senders:
        # ACCEPTED at the sender, so it must stand in the inbox, once, when its receipt has its transport receipt.
        wait_for(lambda s=sender: sum(m["messageId"] == s.message_id for m in world.federation.inbox(s.pair[1])) == 1, 30,
                 lambda s=sender: f"{s.message_id} {s.pair}: ACCEPTED, but stands {sum(m['messageId'] == s.message_id for m in world.federation.inbox(s.pair[1]))} times in the inbox")
    wait_for(lambda: transfer_lines(world, "mt-region", hostile), 30, f"{hostile}: the message service says nothing about a broken signature")
    wait_for(lambda: any(line["event"] == "mt.answered_rejected" and line["cause"] == "XHE-04" for line in transfer_lines(world, "mt-region", hostile)), 20,
             lambda: f"{hostile}: signature broken and undecryptable: REJECTED/SIG was due (signature before decryption), got {transfer_lines(world, 'mt-region', hostile)}")
    stored = [event for event in foreign.events(REGION, xheId=copies) if event["event"] == "as4.received"]
    if len(stored) != 1:
        raise Violation(f"{copies}: {len(stored)} deliveries of one message: {json.dumps(stored)}")
    return [sender.message_id for sender in senders] + [copies]


def check_whole(world, everything):
    """After all rounds: every inbox holds every message exactly once and nothing else."""
    for participant in (NORRBY, SODERBY, REGION):
        ids = [m["messageId"] for m in world.federation.inbox(participant)]
        if len(ids) != len(set(ids)):
            raise Violation(f"{participant} has doubled messages")
        strangers = set(ids) - everything
        if strangers:
            raise Violation(f"{participant} has messages nobody sent: {strangers}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--settle", type=int, default=90, help="seconds within which a round must come to rest")
    parser.add_argument("--plant", default="", help="for a build with planted bugs: the one to switch on")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    print(f"seed {seed} (repeat with --seed {seed})", flush=True)
    chance = random.Random(seed)
    if not SHIM.exists():
        sys.exit(f"{SHIM} is missing: without it there is no power cut; build it with './run fault'")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="budkavle-fault-"))
    environment = {**os.environ, **({"BUDKAVLE_PLANT": options.plant} if options.plant else {})}
    world = World(folder / "data", environment)
    (folder / "foreign").mkdir()
    passed, everything, status = 0, set(), 1
    try:
        world.start_all()
        foreign = Foreign(world, folder / "foreign")
        for number in range(1, options.rounds + 1):
            started = time.monotonic()
            everything |= set(one_round(world, foreign, chance, options.settle))
            passed += 1
            print(f"round {number}/{options.rounds}: clean in {time.monotonic() - started:.1f} s ({world.kills} kills, {world.cuts} power cuts, {world.undone} writes taken back so far)", flush=True)
        check_whole(world, everything)
        if world.cuts >= 5 and world.undone == 0:
            raise Violation("power cuts took nothing back: the shim was not at work, so nothing was proven")
        status = 0
    except Violation as violation:
        print(f"VIOLATION in round {passed + 1}, seed {seed}: {violation}", flush=True)
    finally:
        world.stop_all()
        if status == 0 and not options.keep:
            shutil.rmtree(folder)
        else:
            print(f"data kept in {folder}")
    print(f"{passed} passed, {options.rounds - passed if status else 0} failed")
    return status


if __name__ == "__main__":
    sys.exit(main())
