"""The federation with both access points on PostgreSQL, two processes each, behind a balancer.

A machine holds the two processes of one access point, their shared folder of blobs, and its PostgreSQL server, all under the shim with one journal:
a power cut takes back the unsynced writes of the access point and of the database server alike.
"""
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import powercut
from cutproxy import Balancer
from traffic import Traffic, Words
from world import SHIM, Component, Violation, World


def program(name):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        raise SystemExit(f"{name} is missing; install postgresql (see ./run)")
    return str(found[-1])


def unprivileged():
    """Who runs the server: it refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        except KeyError:
            pass
    raise SystemExit("no user to run PostgreSQL as")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Server(Component):
    """A PostgreSQL server of its own, with fsync, reached by a Unix socket."""

    def __init__(self, name, folder, journal, environment):
        folder.mkdir()
        self.who = unprivileged()
        if self.who:
            os.chown(folder, self.who["user"], self.who["group"])
        self.data = folder / "data"
        # The preloaded library must be readable for that user.
        self.shim = folder / SHIM.name
        shutil.copy(SHIM, self.shim)
        os.chmod(self.shim, 0o755)
        command = [program("postgres"), "-D", str(self.data), "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=on", "-c", "shared_buffers=16MB",
                   "-c", "max_connections=60", "-c", "checkpoint_timeout=30s", "-c", "max_wal_size=64MB", "-c", "min_wal_size=32MB"]
        super().__init__(name, command, folder, journal, {**environment, "LC_ALL": "C.UTF-8"})
        self.call("initdb", "-D", str(self.data), "-U", "budkavle", "-E", "UTF8", "-A", "trust", "--locale=C.UTF-8", "--wal-segsize=4")
        self.call("pg_ctl", "-D", str(self.data), "-w", "-o", f"-k {folder} -c listen_addresses=", "-l", str(folder / "setup.log"), "start")
        self.call("createdb", "-h", str(folder), "-U", "budkavle", "-T", "template0", "-E", "UTF8", "sdk")
        self.call("pg_ctl", "-D", str(self.data), "-w", "-m", "fast", "stop")

    def call(self, name, *arguments):
        done = subprocess.run([program(name), *arguments], capture_output=True, cwd="/", env={**self.environment}, **self.who)
        if done.returncode != 0:
            raise SystemExit(f"{name}: {done.stdout.decode()}{done.stderr.decode()}")

    def start(self, kill_at=0):
        environment = {**self.environment, "LD_PRELOAD": str(self.shim), "FAULT_DIR": str(self.machine), "FAULT_JOURNAL": str(self.journal), "FAULT_KILL_AT": "0"}
        with open(self.journal.with_name(self.name + ".out"), "ab") as output:
            self.process = subprocess.Popen(self.command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/", **self.who)

    @property
    def machine(self):
        return self.folder.parent / self.name.removesuffix("-pg")

    def children(self):
        """Every process of the server but the first; each is a session of its own below it."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                        found.append(int(entry.name))
                except (OSError, ValueError):
                    pass
        return found

    def kill(self):
        """kill -9 of the whole server."""
        dead = False
        if self.process is not None:
            children = self.children() if self.alive() else []
            dead = super().kill()
            for pid in children:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            deadline = time.monotonic() + 60
            while any(pathlib.Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
                time.sleep(0.01)
        return dead

    def kill_backend(self, chance):
        """kill -9 of one of its processes: the server ends all others and recovers by itself."""
        children = self.children() if self.alive() else []
        if children:
            try:
                os.kill(chance.choice(children), signal.SIGKILL)
                return True
            except ProcessLookupError:
                pass
        return False


def database_outage(world, foreign):
    """The database server of the receiving access point is down: 503, nothing acknowledged, the operator reads why, and it heals by itself."""
    traffic, words, server = Traffic(world, foreign), Words(world), world.components["ap2-pg"]
    with server.lock:  # the supervisor must not lend a hand
        server.kill()
        senders = traffic.send(2)
        words.expect_any(("ap2", ("as4.not_stored",), ("db.",)), ("ap2b", ("as4.not_stored",), ("db.",)))
        words.expect_any(("ap1", ("as4.attempt_failed",), ()), ("ap1b", ("as4.attempt_failed",), ()))
        if words.said("ap2", "as4.received") or words.said("ap2b", "as4.received"):
            raise Violation("a message was received without a database")
        server.start()
    traffic.settle("database_outage")
    return {sender.message_id for sender in senders}


class PostgresWorld(World):
    """World with two processes per access point; a supervisor starts again whatever ended by itself, as an init system does."""

    def __init__(self, folder, environment):
        super().__init__(folder, environment)
        for outside in (self.folder.parent, self.folder):
            os.chmod(outside, 0o711)  # the database server runs as another user
        self.machines, self.balancers = {}, []
        urls = {ap["name"]: ap for ap in self.facts["accessPoints"]}
        for name in ("ap1", "ap2"):
            self.split(name, urls[name], environment)
        self.strike_lock = {name: threading.RLock() for name in self.machines}
        self.running = True
        self.backends = self.servers = self.blackouts = 0
        self.victims = ["ap1", "ap1b", "ap2", "ap2b"] * 3 + ["ap1-pg", "ap2-pg"] * 3 + ["mt-kommun", "mt-region"] * 2 + ["ca", "smp"]

    def split(self, name, facts, environment):
        first, twin = self.components[name], name + "b"
        journal = first.journal
        os.chmod(journal.parent, 0o711)
        journal.touch()
        os.chmod(journal, 0o666)
        (self.folder / name / ".graves").mkdir(exist_ok=True)
        os.chmod(self.folder / name, 0o711)
        os.chmod(self.folder / name / ".graves", 0o777)
        server = Server(name + "-pg", self.folder / (name + "-pg"), journal, environment)
        self.configure(name, r"^key_file = ", "takeover_after = 10\nkey_file = ")
        self.configure(name, r"^\[ap\.as4\]", f'[ap.postgresql]\nserver = "host={server.folder} user=budkavle dbname=sdk"\nschema = "{name}"\n\n[ap.as4]')
        text = (self.folder / name / f"{name}.toml").read_text()
        ports = {}
        for section, url in (("a", facts["url"]), ("c", facts["interfaceC"])):
            published = urllib.parse.urlsplit(url).port
            ports[section] = (published, free_port(), free_port())
        both = []
        for number in (1, 2):
            own = text
            for section, choice in ports.items():
                own = re.sub(rf"(\[ap\.{section}\]\naddress = .*\nport = )\d+", rf"\g<1>{choice[number]}", own, count=1)
            both.append(own)
        (self.folder / name / f"{name}.toml").write_text(both[0])
        # The twin: folders of the first, logs and operator's port of its own.
        second = both[1].replace('"keys/', f'"../{name}/keys/').replace('\ndata = "data"', f'\ndata = "../{name}/data"')
        second = re.sub(r"(\[ap\.o\]\naddress = .*\nport = )\d+", rf"\g<1>{free_port()}", second)
        home = self.folder / twin
        home.mkdir()
        (home / f"{twin}.toml").write_text(second)
        command = [word.replace(f"/{name}/{name}.toml", f"/{twin}/{twin}.toml") for word in first.command]
        second = Component(twin, command, home, journal.with_name(twin), environment)
        second.journal = journal
        second.watched = first.folder  # a prefix: covers the twin's and the database's folder too
        self.components = {server.name: server, **self.components, twin: second}
        self.machines[name] = (first, second, server)
        self.balancers += [Balancer(choice[0], list(choice[1:])) for choice in ports.values()]

    def start_all(self):
        super().start_all()
        if not hasattr(self, "supervisor"):
            self.supervisor = threading.Thread(target=self.supervise, daemon=True)
            self.supervisor.start()

    def supervise(self):
        while self.running:
            for component in self.components.values():
                if component.lock.acquire(blocking=False):
                    try:
                        if not component.alive() and self.running:
                            component.kill()
                            component.start()
                    finally:
                        component.lock.release()
            time.sleep(0.3)

    def stop_all(self):
        self.running = False
        if hasattr(self, "supervisor"):
            self.supervisor.join()
        super().stop_all()
        for balancer in self.balancers:
            balancer.close()

    def strike(self, chance, name, kill_at=0):
        machine = next((m for m in self.machines if name in (m, m + "b", m + "-pg")), None)
        if machine is None:
            super().strike(chance, name, kill_at)
        elif chance.random() < 0.3:
            self.black_out(chance, machine, kill_at)
        elif name.endswith("-pg"):
            self.strike_server(chance, self.components[name])
        else:
            component = self.components[name]
            with component.lock:
                self.kills += component.kill()
                component.start(kill_at)

    def strike_server(self, chance, server):
        with server.lock:
            if chance.random() < 0.5:
                self.backends += server.kill_backend(chance)
            else:
                self.servers += server.kill()
                server.start()

    def black_out(self, chance, machine, kill_at=0):
        """The power of a whole machine goes: both processes and the database server die, what was not synced is gone."""
        parts = self.machines[machine]
        for part in parts:
            part.lock.acquire()
        try:
            for part in chance.sample(parts, len(parts)):
                self.kills += part.kill()
            self.cuts += 1
            self.blackouts += 1
            self.undone += powercut.apply(parts[0].journal)
            graves = parts[0].folder / ".graves"
            shutil.rmtree(graves, ignore_errors=True)
            graves.mkdir()
            os.chmod(graves, 0o777)
            parts[0].journal.touch()
            os.chmod(parts[0].journal, 0o666)
            for part in reversed(parts):
                part.start(kill_at if part is parts[0] else 0)
        finally:
            for part in parts:
                part.lock.release()

    def also(self):
        return f"; among them {self.blackouts} power cuts of a whole machine, {self.servers} kills of a database server, {self.backends} of one of its processes"

    def settle_processes(self, chance):
        """Everybody forgets the order to die: all are killed once more and started without it."""
        for name, component in list(self.components.items()):
            if name in self.machines:
                if chance.random() < 0.3:
                    self.black_out(chance, name)
                else:
                    for part in self.machines[name][:2]:
                        self.restart(part)
            elif name != "dns" and not name.endswith(("-pg", "b")):
                self.calm(chance, component)

    def restart(self, component):
        with component.lock:
            self.kills += component.kill()
            component.start()
