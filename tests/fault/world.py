"""The federation under the shim: processes that can be killed, cut from power, given a wrong clock or a full disk; careful senders; a foreign
access point; what senders were told against what inboxes hold."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import powercut  # noqa: E402
from control import Control  # noqa: E402
from cutproxy import Proxy  # noqa: E402
from federation import Client, Federation, payload  # noqa: E402
from support import BUDKAVLE, ROOT  # noqa: E402

SHIM = pathlib.Path(os.environ.get("FAULT_SHIM", ROOT / "build" / "release" / "tests" / "libfault_shim.so"))
AGE = 60 * 86400  # seconds since the certificates were issued
START = 300  # seconds in which everything must have come up; a loaded machine is no violation
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
        self.watched = self.folder
        self.control = Control(journal.with_suffix(".control"))
        self.lock = threading.Lock()

    def start(self, kill_at=0):
        environment = dict(self.environment)
        if self.name != "dns":
            if self.watched == self.folder:
                powercut.repair(self.journal)
            (self.folder / ".graves").mkdir(exist_ok=True)
            environment |= {"LD_PRELOAD": str(SHIM), "FAULT_DIR": str(self.watched), "FAULT_JOURNAL": str(self.journal), "FAULT_KILL_AT": str(kill_at),
                            "FAULT_CONTROL": str(self.control.file)}
        with open(self.journal.with_name(self.name + ".out"), "ab") as output:
            self.process = subprocess.Popen(self.command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def ensure(self):
        with self.lock:
            if not self.alive():
                self.start()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, unless it died before at its chosen call. Returns whether it is dead by a kill."""
        if self.alive():
            self.process.send_signal(signal.SIGKILL)
        return self.process is not None and self.process.wait() == -signal.SIGKILL

    def cut_power(self, tear=None):
        undone = powercut.apply(self.journal, tear=tear)
        shutil.rmtree(self.folder / ".graves", ignore_errors=True)
        return undone


class World:
    def __init__(self, folder, environment):
        """`folder` may hold a federation that was prepared before; it must not be running."""
        # Certificates of a real federation are not minutes old: a clock that is some hours slow must not meet their first day.
        pathlib.Path(folder).parent.mkdir(exist_ok=True)
        past = Control(pathlib.Path(folder).parent / "prepare.control")
        past.clock(-AGE)
        done = subprocess.run([BUDKAVLE, "demo", "--data", str(folder), "--prepare", "--json"], capture_output=True,
                              env={**{key: value for key, value in environment.items() if key != "BUDKAVLE_PLANT"}, "LD_PRELOAD": str(SHIM), "FAULT_CONTROL": str(past.file)})
        if done.returncode != 0:
            raise SystemExit(f"the federation could not be prepared: {done.stdout.decode()}{done.stderr.decode()}")
        self.facts = json.loads(done.stdout)
        self.folder = pathlib.Path(folder)
        self.federation = Federation(self.facts)
        journals = pathlib.Path(folder) / ".journals"
        journals.mkdir(exist_ok=True)
        self.components = {p["name"]: Component(p["name"], p["command"], pathlib.Path(folder) / p["name"], journals / p["name"], environment) for p in self.facts["processes"]}
        self.kills = self.cuts = self.undone = 0
        self.victims = VICTIMS * 3 + OTHERS
        self.direct = {}  # ports of access points behind a relay

    def start_all(self):
        """Starts what does not run, and waits until every message service answers."""
        deadline = time.monotonic() + START
        for component in self.components.values():
            component.ensure()
        for participant in (NORRBY, SODERBY, REGION):
            while True:
                try:
                    self.federation.inbox(participant)
                    break
                except (OSError, http.client.HTTPException, AssertionError):
                    if time.monotonic() > deadline:
                        raise SystemExit(f"{participant}'s message service did not come up; see {self.facts['data']}: {self.last_words()}")
                    time.sleep(0.2)
                    for component in self.components.values():
                        component.ensure()  # a port may have been taken for a moment by somebody's outgoing connection
            self.await_name(participant, deadline)

    def await_name(self, participant, deadline):
        """Who is not in the locator yet is not registered, and a message to it ends so: nobody sends before."""
        name = subprocess.run([BUDKAVLE, "smp", "name", participant, "--zone", self.facts["zone"]], capture_output=True, text=True, check=True).stdout.split()[-1]
        look = ["kdig", "@127.0.0.1", "-p", str(self.facts["dnsPort"]), "+short", "+timeout=1", "+retry=0", name, "NAPTR"]
        while "Meta:SMP" not in subprocess.run(look, capture_output=True, text=True, check=False).stdout:
            if time.monotonic() > deadline:
                raise SystemExit(f"{participant} did not appear in DNS; see {self.facts['data']}/sml/log: {self.last_words()}")
            time.sleep(0.1)

    def last_words(self):
        """What components that are not alive said last on their own output."""
        return {name: component.journal.with_name(name + ".out").read_text(errors="replace")[-300:] for name, component in self.components.items()
                if not component.alive()}

    def also(self):
        return ""

    def settle_processes(self, chance):
        """Everybody forgets the order to die: all are killed once more and started without it."""
        for name, component in self.components.items():
            if name != "dns":  # nobody kills the name server here; all others may have the order
                self.calm(chance, component)

    def calm(self, chance, component):
        with component.lock:
            self.kills += component.kill()
            if chance.random() < 0.3:
                self.cuts += 1
                self.undone += component.cut_power()
            component.start()

    def configure(self, name, pattern, replacement):
        """Changes one line of a component's configuration; it counts from the next start."""
        file = self.folder / name / f"{name}.toml"
        text, count = re.subn(pattern, replacement, file.read_text(), count=1, flags=re.MULTILINE)
        assert count == 1, f"{file} has no {pattern}"
        file.write_text(text)

    def stand_between(self, name):
        """Puts a relay where access point `name` (or the SMP) is published, and itself elsewhere. Before its start."""
        urls = {ap["name"]: ap["url"] for ap in self.facts["accessPoints"]} | {"smp": self.facts["smp"]}
        published = urllib.parse.urlsplit(urls[name]).port
        with socket.create_server(("127.0.0.1", 0)) as probe:
            behind = probe.getsockname()[1]
        self.configure(name, r"(\[ap\.a\]\naddress = .*\nport = |^address = .*\nport = )\d+", rf"\g<1>{behind}")
        self.direct[name] = behind
        return Proxy(published, behind)

    def stop_all(self):
        for component in self.components.values():
            component.kill()

    def strike(self, chance, name, kill_at=0):
        """Kills, perhaps cuts the power, starts again (perhaps to die again at a chosen call)."""
        component = self.components[name]
        with component.lock:
            self.kills += component.kill()
            if chance.random() < 0.5:
                self.cuts += 1
                self.undone += component.cut_power()
            component.start(kill_at)


class Sender:
    """Sends like a careful case system: asks before it repeats, keeps its id."""

    def __init__(self, federation, pair, deadline, size=2000):
        self.federation, self.pair, self.deadline = federation, pair, deadline
        self.message_id, self.octets = payload(pair[0], pair[1], federation.function(pair[0]), federation.function(pair[1]), text="x" * size)
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
        """Tries again when there is no answer or "not now", as any sender must."""
        client = Client(self.ap2["url"], self.ap1["tlsCert"], self.ap1["tlsKey"], self.world.facts["trust"]["tls"], timeout=60)
        deadline = time.monotonic() + START
        while True:
            try:
                answer = client.request("POST", urllib.parse.urlsplit(self.ap2["url"]).path, body, headers)
                if answer[0] != 503 or time.monotonic() > deadline:
                    return answer
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.3)

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
        """The log of a participant's access point, as its message service sees it."""
        facts = self.world.federation.participants[participant]
        mt = self.world.facts["messageServices"][facts["messageServiceName"]]
        ap = self.ap1 if facts["accessPoint"] == "ap1" else self.ap2
        client = Client(ap["interfaceC"], mt["cert"], mt["key"], self.world.facts["trust"]["tls"])
        status, answer = client.json("GET", f"/c/v1/participants/{urllib.parse.quote(participant, safe='')}/events?" + urllib.parse.urlencode(query))
        if status != 200:
            raise Violation(f"events: {status} {answer}")
        return answer["events"]

    def agree(self, pair, message_id, what="", patience=90):
        """Both access points say the same: delivered once, received once, under an id that was sent."""
        def says():
            return [event for event in self.events(pair[0], xheId=message_id) if event["direction"] == "out"]

        def names():
            return [event["event"] for event in says()]

        # The message's own receipt may be there before the last attempt of its transport has its answer.
        wait_for(lambda: "as4.delivered" in names(), patience, lambda: f"{what}: {message_id}: the sending access point says {names()}")
        ids = {event["ids"]["as4MessageId"] for event in says()}
        if names().count("as4.delivered") != 1 or names().count("as4.failed") != len(ids) - 1:  # a message service may hand over anew after a failure
            raise Violation(f"{what}: {message_id}: the sending access point says {names()}")
        received = [event for event in self.events(pair[1], xheId=message_id) if event["event"] == "as4.received"]
        if len(received) != 1:
            raise Violation(f"{what}: {message_id}: the receiving access point says it received it {len(received)} times")
        if received[0]["ids"]["as4MessageId"] not in ids:
            raise Violation(f"{what}: {message_id}: received under an AS4 id that nobody sent")


def transfer_lines(world, component, needle):
    lines = []
    for file in (pathlib.Path(world.facts["data"]) / component).rglob("transfer.jsonl"):
        lines += [json.loads(line) for line in file.read_text(errors="replace").splitlines() if needle in line and line.endswith("}")]
    return lines


def wait_for(condition, seconds, what):  # `seconds` only end a wait that would never end
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (OSError, http.client.HTTPException, AssertionError):
            pass
        time.sleep(0.2)
    raise Violation(what() if callable(what) else what)
