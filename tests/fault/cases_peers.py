"""Cases of the other side: the peer is down, hangs, dribbles, answers nonsense; others hold connections open."""
import contextlib
import signal
import socket
import ssl
import threading
import time

from cutproxy import BACK, OUT, Cut
from traffic import Words
from world import NORRBY, REGION, Violation, wait_for


def peer_down(world, traffic, _, __, dense):
    """The receiving access point is not there: kept in the queue, each attempt with its cause; delivered when it is back."""
    component = world.components["ap2"]
    words = Words(world)
    component.kill()
    traffic.send(3)
    words.expect("ap1", "as4.attempt_failed", cause=("http.", "tls."))
    component.start()


def peer_hangs(world, traffic, _, __, dense):
    """The receiving access point takes connections and never answers: time-out, another attempt, a duplicate when it wakes."""
    process = world.components["ap2"].process
    words = Words(world)
    process.send_signal(signal.SIGSTOP)
    try:
        traffic.send(2)
        words.expect("ap1", "as4.attempt_failed", cause=("http.timeout", "tls."))
    finally:
        process.send_signal(signal.SIGCONT)


def peer_stalls(world, traffic, proxies, _, dense):
    """Octets stop in the middle, the connection stays: in the request, in the answer."""
    places = [(BACK, 4000)] if not dense else [(OUT, 300), (OUT, 4300), (OUT, 15000), (BACK, 200), (BACK, 3000), (BACK, 3735), (BACK, 4000), (BACK, 9000)]
    for direction, after in places:
        words = Words(world)
        cut = proxies["ap2"].arm(Cut(direction, after, "stall"))
        traffic.send(1)
        words.expect("ap1", "as4.attempt_failed", cause=("http.timeout", "tls.", "http."))
        if not cut.done.is_set():
            raise Violation(f"the stall never came: {cut}")
        traffic.settle(f"peer_stalls, {cut}")
        proxies["ap2"].drop()


def peer_dribbles(world, traffic, proxies, _, dense):
    """The connection is slow in both directions, but lives: the message passes, and meanwhile others do."""
    proxies["ap2"].drop()
    proxies["ap2"].pace = (600, 0.02)
    try:
        traffic.send(1)
        time.sleep(0.5)
        proxies["ap2"].pace = None
        traffic.send(2)
        traffic.settle("peer_dribbles")
    finally:
        proxies["ap2"].pace = None
        proxies["ap2"].drop()


def strangers_hold_connections(world, traffic, _, __, dense):
    """Slow clients at the access point: half a TLS greeting, a dribbling greeting, idle sockets. Others' messages pass."""
    port = world.direct["ap2"]
    held, stop = [], threading.Event()

    def dribble(connection):
        with contextlib.suppress(OSError):
            while not stop.wait(0.3):
                connection.send(b"\x00")

    try:
        for number in range(200 if dense else 120):
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            held.append(connection)
            if number % 3 == 1:
                connection.send(b"\x16\x03\x01\x02\x00\x01")
            if number % 3 == 2 and number < 60:
                connection.send(b"\x16\x03\x01\x20\x00")
                threading.Thread(target=dribble, args=(connection,), daemon=True).start()
        traffic.send(3)
        traffic.settle("strangers_hold_connections")
    finally:
        stop.set()
        for connection in held:
            connection.close()


def cut_and_restart(world, traffic, proxies, _, dense):
    """The answer is cut off and the receiver restarts before the retry comes: its memory of duplicates is on disk (AP-4.5), the receipt is sent again."""
    component = world.components["ap2"]
    for power_cut in ((False, True) if dense else (True,)):
        words = Words(world)
        cut = proxies["ap2"].arm(Cut(BACK, 4000, "stall"))
        traffic.send(1)
        wait_for(cut.done.is_set, 300, "the answer never came")
        # Handed over to the message service meanwhile, so that only the memory knows it.
        words.expect("ap2", "as4.handed_over")
        with component.lock:
            component.kill()
            if power_cut:
                component.cut_power()
            words = Words(world)  # lines that were not synced are gone, and the log is shorter
            component.start()
        proxies["ap2"].drop()
        words.expect("ap2", "as4.duplicate")
        traffic.settle("cut_and_restart")


class Nonsense:
    """Answers every HTTPS request at a component's port with something that is no proper answer of it."""

    ANSWERS = {
        "no HTTP": b"\x00\x01\x02 hello\r\n\r\n",
        "nothing": b"",
        "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nno..",
        "403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "another page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 36\r\n\r\n<html><body>Maintenance</body></html>",
        "half a document": b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 400\r\n\r\n<SignedServiceMetadata xmlns='http://docs.oasis",
        "unsigned": b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 84\r\n\r\n<SignedServiceMetadata xmlns='http://docs.oasis-open.org/bdxr/ns/SMP/2016/05'/>     ",
        "a redirect": b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "endless": b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 90000000\r\n\r\n" + b"<a>" * 400_000,
    }

    def __init__(self, port, keys):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(keys / "tls.crt", keys / "tls.key")
        self.answer, self.asked = b"", 0
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                raw.settimeout(10)
                with self.context.wrap_socket(raw, server_side=True) as connection:
                    connection.recv(65536)
                    self.asked += 1
                    connection.sendall(self.answer)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def smp_answers_nonsense(world, traffic, proxies, _, dense):
    """What answers at the SMP's address is not the SMP's answer: held, with the cause, until it is one (AP-16); never taken for 'not registered'."""
    component = world.components["smp"]
    component.kill()
    nonsense = Nonsense(proxies["smp"].target, world.folder / "smp" / "keys")
    try:
        for name, answer in Nonsense.ANSWERS.items():
            if not dense and name not in ("another page", "500", "half a document"):
                continue
            words = Words(world)
            nonsense.answer, before = answer, nonsense.asked
            proxies["smp"].drop()
            traffic.send(1)
            wait_for(lambda b=before: nonsense.asked > b, 120, f"nobody asked the SMP that answers {name}")
            words.expect_any(("ap1", ("as4.not_sendable", "as4.failed"), ("smp.",)), ("mt-kommun", ("mt.not_packaged",), ("smp.",)))
            if words.said("ap1", "as4.failed"):
                raise Violation(f"an SMP that answers {name}: given up at once: {words.heard('ap1')}")
    finally:
        nonsense.close()
        component.start()


def smp_slow(world, traffic, proxies, _, dense):
    """The SMP dribbles, and stalls once."""
    proxies["smp"].drop()
    proxies["smp"].pace = (800, 0.02)
    traffic.send(1)
    time.sleep(1)
    proxies["smp"].pace = None
    if dense:
        proxies["smp"].arm(Cut(BACK, 4000, "stall"))
        traffic.send(1)
    traffic.settle("smp_slow")
    proxies["smp"].drop()


CASES = [peer_down, peer_hangs, peer_stalls, cut_and_restart, peer_dribbles, strangers_hold_connections, smp_answers_nonsense, smp_slow]
