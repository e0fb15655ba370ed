"""Cases of storage: a full volume, a full log volume, a disk that fails to sync, no more descriptors."""
import contextlib
import os
import pathlib
import random
import resource
import time

from control import DATA, LOG_OF_DATABASE, LOGS
from traffic import Words
from world import NORRBY, REGION, Violation

FULL = ("blob.full", "db.full", "as4.storage")


def fill(folder, leave):
    """Takes all but `leave` octets of the volume; returns the ballast file."""
    ballast = pathlib.Path(folder) / "ballast"
    with open(ballast, "wb") as file:
        free = os.statvfs(folder)
        os.posix_fallocate(file.fileno(), 0, max(4096, free.f_bavail * free.f_frsize - leave))
    return ballast


def receiver_volume_full(world, traffic, _, volumes, dense):
    """The receiving access point's volume is full: 503, nothing acknowledged, nothing half stored (SEC-64)."""
    data = world.folder / "ap2" / "data"
    if data not in volumes.mounted:
        return "not played: no small volume"
    met = 0
    for leave in ((0, 4096, 12288, 20480, 40960, 65536, 131072) if dense else (0,)):
        words = Words(world)
        ballast = fill(data, leave)
        traffic.send(2)
        if leave == 0:
            words.expect("ap2", "as4.turned_away", cause=("ap.disk_full",))  # before the body is read
            words.expect("ap1", "as4.attempt_failed")
            if words.said("ap2", "as4.received"):
                raise Violation("something was received on a full volume")
        else:
            time.sleep(1.5)
        met += words.said("ap2", "as4.not_stored") + words.said("ap2", "as4.turned_away")
        ballast.unlink()
        traffic.settle(f"receiver_volume_full, {leave} octets left")
    return f"the full volume was met at {met} fillings"


def message_service_volume_full(world, traffic, _, volumes, dense):
    """The receiving message service's volume is full: it acknowledges nothing to its access point, which keeps the message."""
    data = world.folder / "mt-region" / "data"
    if data not in volumes.mounted:
        return "not played: no small volume"
    for leave in ((0, 16384, 65536) if dense else (0,)):
        words = Words(world)
        ballast = fill(data, leave)
        traffic.send(2)
        words.expect("ap2", "as4.received")
        if leave == 0:
            words.expect("mt-region", "mt.inbox_failed", "mt.job_failed", "mt.not_stored")
            if words.said("ap2", "as4.handed_over"):
                raise Violation("a message was acknowledged on a full volume")
        ballast.unlink()
        traffic.settle(f"message_service_volume_full, {leave} octets left")
    return ""


FILE = 100_000  # characters of a text whose envelope is kept in a file of its own, not in the database
PLENTY = 12  # faults that no operation can have mended by itself


def told(words, component):
    """Anything an operator would look at."""
    return any(line.get("level") in ("error", "warning") or line.get("result") == "error" for line in words.lines(component))


def strike_disk(world, traffic, name, order, what):
    """Gives the order, sends, waits until it was met (or is plainly not going to be), heals; somebody must have been told. Returns whether it was met."""
    control = world.components[name].control
    words = Words(world)
    before, seen = control.get("failed"), control.seen()
    order(control)
    traffic.send(1)
    deadline = time.monotonic() + 10
    while (control.get("failed") - before < 3 or not told(words, name)) and control.get("failed") - before < PLENTY and time.monotonic() < deadline:
        time.sleep(0.02)
    control.heal()
    traffic.settle(f"{what}, {name}")
    # A fault or two may be mended by trying again at once; nobody need hear of that.
    if control.seen() - seen >= PLENTY and not told(words, name):
        raise Violation(f"{what}: {name} met it and said nothing: {words.heard(name)}")
    return control.get("failed") > before


def no_space_at_each_write(world, traffic, _, __, dense):
    """ENOSPC at a chosen write of each component, then for a while; with a short write first."""
    moments = range(0, 16) if dense else (1,)
    met = sum(strike_disk(world, traffic, name, lambda control, a=after: control.full(a), f"no_space_at_each_write, after {after}")
              for name in ("ap2", "ap1", "mt-kommun", "mt-region") for after in moments)
    return f"met at {met} of {4 * len(moments)} moments"


def log_volume_full(world, traffic, _, __, dense):
    """The volume of the logs is full: messages go on; lines are lost, the events in the database are not."""
    for name in ("ap1", "ap2"):
        world.components[name].control.full(0, on=LOGS)
    traffic.send(2)
    traffic.settle("log_volume_full")
    for name in ("ap1", "ap2"):
        world.components[name].control.heal()
    words = Words(world)
    traffic.send(1)
    traffic.settle("log_volume_full, healed")
    words.expect("ap1", "as4.delivered")
    words.expect("ap2", "as4.received")


def sync_fails(world, traffic, _, __, dense):
    """fsync says EIO: not acknowledged, once and for a while; the sender tries again."""
    met = 0
    for name in ("ap2", "ap1", "mt-kommun", "mt-region"):
        for after, count in ([(after, count) for after in range(0, 10) for count in (1, 5)] if dense else [(0, 3)]):
            met += strike_disk(world, traffic, name, lambda control, a=after, c=count: control.failing_sync(a, c), f"sync_fails, after {after} for {count}")
    return f"met {met} times"


def sync_fails_then_power_cut(world, traffic, _, __, dense):
    """fsync says EIO, the process dies at once, sometimes the power too: a commit whose sync failed may be there or not, but never half.
    Its envelope is large enough to be a file of its own: a row that a crash brings back must find it."""
    met = 0
    for cut in (False, True):
        for name in ("ap2", "ap1") if dense else ("ap2",):
            component = world.components[name]
            for on, after in [(on, after) for on in (LOG_OF_DATABASE, DATA) for after in range(6)] if dense else [(LOG_OF_DATABASE, 0), (DATA, 2)]:
                before = component.control.get("failed")
                component.control.failing_sync(after, -1, on=on)
                traffic.send(1, size=FILE)
                deadline = time.monotonic() + 10
                while component.control.get("failed") == before and time.monotonic() < deadline:
                    time.sleep(0.002)
                with component.lock:
                    component.kill()
                    if component.control.get("failed") > before:
                        met += 1
                    if cut:
                        component.cut_power()
                    component.control.heal()
                    component.start()
                traffic.settle(f"sync_fails_then_power_cut, {name}, {'the log of the database' if on == LOG_OF_DATABASE else 'any file'} after {after}, {'power cut' if cut else 'kill'}")
    return f"met {met} times"


def torn_writes(world, traffic, _, __, dense):
    """The power fails while the disk writes: of what was not synced some sectors are new and some old, and an appended piece ends anywhere. Every component
    starts again from that, and nothing that was acknowledged is gone."""
    chance = random.Random(7)
    undone = 0
    for turn in range(12 if dense else 2):
        for name in ("ap2", "ap1", "mt-kommun", "mt-region"):
            component = world.components[name]
            traffic.send(1, size=FILE if turn % 2 else 2000)
            traffic.send(1, pair=(REGION, NORRBY))
            time.sleep(chance.uniform(0.02, 0.8))
            with component.lock:
                component.kill()
                undone += component.cut_power(tear=chance)
                component.start()
            traffic.settle(f"torn_writes, {name}, turn {turn}")
    if undone == 0:
        raise Violation("torn_writes: nothing was ever unsynced, so nothing was proven")
    return f"{undone} writes torn"


def no_descriptors(world, traffic, _, __, dense):
    """No more descriptors (EMFILE) in the receiving and the sending access point."""
    for name in ("ap2", "ap1"):
        process = world.components[name].process
        limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        for spare in ((0, 1, 2, 3, 5, 8) if dense else (1,)):
            words = Words(world)
            used = max(int(fd) for fd in os.listdir(f"/proc/{process.pid}/fd")) + 1
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + spare, limits[1]))
            with contextlib.ExitStack() as stack:
                stack.callback(resource.prlimit, process.pid, resource.RLIMIT_NOFILE, limits)
                traffic.send(2, pair=(NORRBY, REGION))
                time.sleep(1.5)
            traffic.settle(f"no_descriptors, {name} with {spare} to spare")


CASES = [receiver_volume_full, message_service_volume_full, no_space_at_each_write, log_volume_full, sync_fails, sync_fails_then_power_cut, torn_writes, no_descriptors]
