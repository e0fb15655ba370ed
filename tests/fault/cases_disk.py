"""Cases of storage: a full volume, a full log volume, a disk that fails to sync, no more descriptors."""
import contextlib
import os
import pathlib
import resource
import time

from control import ALL, BLOBS, DATA, DATABASE, LOGS
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


def wait_for_attempts(words, component, event, count=1):
    """Lets the outage be met: `component` has logged `event` so many times."""
    def times():
        return sum(line.get("event") == event for line in words.lines(component))
    deadline = time.monotonic() + 60
    while times() < count and time.monotonic() < deadline:
        time.sleep(0.1)


def receiver_volume_full(world, traffic, _, volumes, dense):
    """The receiving access point's volume is full: 503, nothing acknowledged, nothing half stored (SEC-64)."""
    data = world.folder / "ap2" / "data"
    if data not in volumes.mounted:
        return "not played: no small volume"
    met = 0
    for leave in ((0, 4096, 12288, 20480, 40960, 65536, 131072) if dense else (0, 20480)):
        words = Words(world)
        ballast = fill(data, leave)
        traffic.send(2)
        if leave == 0:
            words.expect("ap2", "as4.not_stored", cause=FULL)
            words.expect("ap1", "as4.attempt_failed")
            if words.said("ap2", "as4.received"):
                raise Violation("something was received on a full volume")
        else:
            time.sleep(1.5)
        met += words.said("ap2", "as4.not_stored")
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


def no_space_at_each_write(world, traffic, _, __, dense):
    """ENOSPC at a chosen write of each component, then for a while; with a short write first."""
    failed = 0
    moments = range(0, 24) if dense else (0, 5)
    for name in ("ap2", "ap1", "mt-kommun", "mt-region"):
        control = world.components[name].control
        for after in moments:
            words = Words(world)
            before = control.get("failed")
            control.full(after)
            traffic.send(1)
            deadline = time.monotonic() + 20
            while control.get("failed") - before < 3 and time.monotonic() < deadline:
                time.sleep(0.05)
            if control.get("failed") - before >= 3:
                failed += 1
            control.heal()
            traffic.settle(f"no_space_at_each_write, {name} after {after} writes")
            if control.get("failed") > before and not any(line.get("level") in ("error", "warning") or line.get("result") == "error" for line in words.lines(name)):
                raise Violation(f"{name} met a full volume and said nothing: {words.heard(name)}")
    return f"met at {failed} of {4 * len(moments)} moments"


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
        control = world.components[name].control
        for after in (range(0, 12) if dense else (0, 2)):
            for count in ((1, 5) if dense else (2,)):
                words = Words(world)
                before = control.get("failed")
                control.failing_sync(after, count)
                traffic.send(1)
                deadline = time.monotonic() + 10
                while control.get("failed") == before and time.monotonic() < deadline:
                    time.sleep(0.05)
                met += control.get("failed") > before
                traffic.settle(f"sync_fails, {name}, after {after} for {count}")
                control.heal()
                if control.get("failed") > before and not words.said(name, *[line["event"] for line in words.lines(name) if line.get("level") in ("error", "warning") or line.get("result") == "error"]):
                    raise Violation(f"{name}: a sync failed and nobody was told: {words.heard(name)}")
    return f"met {met} times"


def sync_fails_then_power_cut(world, traffic, _, __, dense):
    """fsync says EIO, the process dies at once, sometimes the power too: a commit whose sync failed may be there or not, but never half."""
    met = 0
    for cut in (False, True):
        for name in ("ap2", "ap1"):
            component = world.components[name]
            for after in (range(0, 10) if dense else (1, 3)):
                before = component.control.get("failed")
                component.control.failing_sync(after, -1)
                traffic.send(1)
                deadline = time.monotonic() + 10
                while component.control.get("failed") == before and time.monotonic() < deadline:
                    time.sleep(0.002)
                with component.lock:
                    component.kill()
                    if component.control.get("failed") > before:
                        met += 1
                    if cut and not os.path.ismount(component.folder / "data"):
                        component.cut_power()
                    component.control.heal()
                    component.start()
                traffic.settle(f"sync_fails_then_power_cut, {name}, after {after}, {'power cut' if cut else 'kill'}")
    return f"met {met} times"


def no_descriptors(world, traffic, _, __, dense):
    """No more descriptors (EMFILE) in the receiving and the sending access point."""
    for name in ("ap2", "ap1"):
        process = world.components[name].process
        limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        for spare in ((0, 1, 2, 3, 5, 8) if dense else (0, 2)):
            words = Words(world)
            used = max(int(fd) for fd in os.listdir(f"/proc/{process.pid}/fd")) + 1
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + spare, limits[1]))
            with contextlib.ExitStack() as stack:
                stack.callback(resource.prlimit, process.pid, resource.RLIMIT_NOFILE, limits)
                traffic.send(2, pair=(NORRBY, REGION))
                time.sleep(1.5)
            traffic.settle(f"no_descriptors, {name} with {spare} to spare")


CASES = [receiver_volume_full, message_service_volume_full, no_space_at_each_write, log_volume_full, sync_fails, sync_fails_then_power_cut, no_descriptors]
