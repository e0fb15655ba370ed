"""Cases of the platform and the machine: name server, SMP, revocation lists, clock."""
import shutil
import time

from responder import Responder
from traffic import Words
from world import NORRBY, REGION, Violation

HOUR, DAY = 3600, 86400


def name_server_down(world, traffic, _, __, dense):
    """No DNS: held with the cause; delivered when it is back."""
    component = world.components["dns"]
    words = Words(world)
    component.kill()
    traffic.send(2)
    words.expect_any(("ap1", ("as4.not_sendable", "as4.attempt_failed"), ("dns.",)), ("mt-kommun", ("mt.not_packaged", "mt.not_handed_over"), ("dns.",)))
    component.start()


def smp_down(world, traffic, _, __, dense):
    """No SMP: held with the cause, never taken for 'not registered'."""
    component = world.components["smp"]
    words = Words(world)
    component.kill()
    traffic.send(2)
    words.expect_any(("ap1", ("as4.not_sendable",), ("smp.unreachable",)), ("mt-kommun", ("mt.not_packaged",), ("smp.unreachable",)))
    component.start()


def smp_down_for_the_access_point(world, traffic, _, __, dense):
    """The message service had its look-up, the access point has not: the message waits there, readable, and goes on by itself."""
    words = Words(world)
    world.components["ap1"].kill()
    senders = traffic.send(2)
    for sender in senders:
        sender.thread.join(60)
    words.expect("mt-kommun", "mt.not_handed_over")
    world.components["smp"].kill()
    world.components["ap1"].start()
    words.expect("ap1", "as4.not_sendable", cause=("smp.unreachable", "dns."))
    world.components["smp"].start()


def revocation_lists_down(world, traffic, _, __, dense):
    """The source of revocation lists is down: the copies serve on; without copies nothing is sent or taken (AP-18), and it heals by itself."""
    traffic.send(1)
    traffic.settle("revocation_lists_down, everybody has fetched the lists")
    world.components["ca"].kill()
    traffic.send(1)
    traffic.settle("revocation_lists_down, lists at hand")
    for name in ("ap2", "ap1"):
        component = world.components[name]
        component.kill()
        component.start()
    traffic.send(1)
    traffic.settle("revocation_lists_down, copies from before the restart")
    words = Words(world)
    for name in ("ap2", "ap1") if dense else ("ap2",):
        component = world.components[name]
        component.kill()
        for source in ("crl", "ocsp"):  # answers within their validity are revocation data too
            shutil.rmtree(component.folder / "data" / source, ignore_errors=True)
        component.start()
        words.expect(name, "revocation.failed")
    traffic.send(2)
    words.expect("ap1", "as4.attempt_failed", "as4.not_sendable", "revocation.failed")
    time.sleep(2)
    if words.said("ap2", "as4.received"):
        raise Violation("a message was taken without revocation data")
    world.components["ca"].start()


def ocsp_down(world, traffic, _, __, dense):
    """AP-18: the OCSP responder is first, the list the second source. Away, silent or babbling it holds nobody up; with the lists gone it serves alone; with
    both gone nothing is taken, and it heals by itself."""
    responder = Responder(world, world.folder / ".responder")
    url = responder.start()
    names = ("ap1", "ap2")
    before = {name: (world.folder / name / f"{name}.toml").read_text() for name in names}

    def restart(*, forget):
        for name in names:
            component = world.components[name]
            component.kill()
            for folder in forget:
                shutil.rmtree(component.folder / "data" / folder, ignore_errors=True)
            component.start()

    try:
        for name in names:
            with open(world.folder / name / f"{name}.toml", "a", encoding="utf-8") as file:
                file.write(f'\n[[environment.ocsp_responders]]\nissuer = "{responder.issuer}"\nurl = "{url}"\n')
        restart(forget=("ocsp",))
        traffic.send(2)
        traffic.settle("ocsp_down, the responder answers")
        if responder.asked == 0:
            raise Violation("nobody asked the responder")
        asked = responder.asked
        for mode in ("away", "nonsense", "hangs") if dense else ("away",):
            words = Words(world)
            responder.mode = mode
            if mode == "away":
                responder.stop()
            restart(forget=("ocsp",))
            traffic.send(1)
            traffic.settle(f"ocsp_down, {mode}")
            words.expect("ap2", "revocation.failed")
            if mode == "away":
                responder.start()
        responder.stop()
        responder.mode = "right"
        responder.start()
        # No lists: the responder alone is enough for access point certificates, and TLS has its list from the copy.
        world.components["ca"].kill()
        restart(forget=("ocsp",))
        traffic.send(1)
        traffic.settle("ocsp_down, lists away, the responder alone")
        responder.stop()
        words = Words(world)
        restart(forget=("ocsp", "crl"))
        traffic.send(1)
        words.expect("ap2", "revocation.failed")
        time.sleep(2)
        if words.said("ap2", "as4.received"):
            raise Violation("a message was taken without revocation data")
        responder.start()
        world.components["ca"].start()
        traffic.settle("ocsp_down, both away and back")
        return f"asked {asked} times at first, {responder.asked} in all"
    finally:
        responder.stop()
        for name in names:
            (world.folder / name / f"{name}.toml").write_text(before[name])
        restart(forget=())


def clock_jumps(world, traffic, _, __, dense):
    """The wall clock of an access point is wrong for a while, with messages waiting for their next attempt: nothing is stuck when it is right again,
    nothing is given up or forgotten because of it."""
    there, back = (NORRBY, REGION), (REGION, NORRBY)
    for name, peer, pair in (("ap1", "ap2", there), ("ap2", "ap1", back)):
        for jump in ((-3 * HOUR, 3 * HOUR, -2 * DAY, 2 * DAY, -45 * DAY, 45 * DAY) if dense else (45 * DAY if name == "ap1" else -3 * HOUR,)):
            words = Words(world)
            control = world.components[name].control
            world.components[peer].kill()
            traffic.send(2, pair=pair)
            words.expect(name, "as4.attempt_failed")
            control.clock(jump)
            time.sleep(1)
            world.components[peer].start()
            traffic.send(1, pair=there)
            traffic.send(1, pair=back)
            time.sleep(3)
            control.clock(0)
            traffic.send(1, pair=there)
            traffic.send(1, pair=back)
            traffic.settle(f"clock_jumps, {name} by {jump / HOUR:+.0f} h")
            words.expect(name, "clock.jumped")


CASES = [name_server_down, smp_down, smp_down_for_the_access_point, revocation_lists_down, ocsp_down, clock_jumps]
