"""A TCP relay between two access points that can end a connection at a chosen octet, dribble or stall it. TLS passes through untouched; only the
outer headers of its records are read, to know what an octet belongs to."""
import contextlib
import random
import select
import socket
import struct
import threading
import time

OUT, BACK = "out", "back"  # from the connecting side to the server, and back


class Cut:
    """An order for the next connection: pass `after` octets in `direction`, then end the connection on both sides.

    `by` "rst": reset; "fin": orderly end of TCP below TLS; "stall": nothing more passes until the connection is ended.
    `at_once`: when the octet before has passed, not first when the next one comes. `whole`: at once, but not before the
    record that holds the next octet has passed whole (where lengths vary by an octet or two).
    """

    def __init__(self, direction, after, by, at_once=False, whole=False):
        self.direction, self.after, self.by, self.at_once, self.whole = direction, after, by, at_once, whole
        self.done = threading.Event()

    def due(self, direction, octets):
        return self.direction == direction and not self.whole and (octets >= self.after if self.at_once else octets > self.after)

    def due_whole(self, direction, records):
        return self.direction == direction and self.whole and records.seen > self.after and not records.left and not records.head

    def __repr__(self):
        return f"{self.by} after {self.after} octets {self.direction}{', at the end of the record' if self.whole else ''}"


class Records:
    """Lengths of the TLS records of one direction, with the moment each began."""

    def __init__(self):
        self.seen = 0
        self.list = []  # (type, start offset, whole length, time of its first octet)
        self.head = b""
        self.left = 0

    def feed(self, data):
        at = 0
        while at < len(data):
            if self.left:
                n = min(self.left, len(data) - at)
                self.left -= n
                at += n
                self.seen += n
                continue
            if not self.head:
                self.began = time.monotonic()
                self.start = self.seen
            n = min(5 - len(self.head), len(data) - at)
            self.head += data[at:at + n]
            at += n
            self.seen += n
            if len(self.head) == 5:
                kind, _, length = struct.unpack("!BHH", self.head)
                self.list.append((kind, self.start, 5 + length, self.began))
                self.left, self.head = length, b""


class Connection:
    def __init__(self, client, server, cut, pace):
        self.client, self.server, self.cut, self.pace = client, server, cut, pace
        self.records = {OUT: Records(), BACK: Records()}
        self.busy = time.monotonic()
        self.stalled = False
        self.ended = threading.Event()

    def run(self):
        try:
            self.relay()
        except OSError:
            self.end("rst")
        finally:
            self.ended.set()

    def relay(self):
        ways = {self.client: (self.server, OUT), self.server: (self.client, BACK)}
        while not self.ended.is_set():
            ready, _, _ = select.select(list(ways) or [], [], [], 0.2)
            for source in ready:
                target, direction = ways[source]
                data = source.recv(65536 if not self.pace else self.pace[0])
                if self.pace:
                    time.sleep(self.pace[1])
                if not data:
                    self.end("fin")
                    return
                if not self.forward(target, direction, data):
                    return

    def forward(self, target, direction, data):
        """Returns False when this connection is over."""
        self.busy = time.monotonic()
        records = self.records[direction]
        cut = self.cut
        if cut and cut.due(direction, records.seen + len(data)):
            head = data[:cut.after - records.seen]
            target.sendall(head)
            records.feed(head)
            cut.done.set()
            if cut.by == "stall":
                self.stalled = True
                self.ended.wait()
            self.end(cut.by)
            return False
        target.sendall(data)
        records.feed(data)
        if cut and cut.due_whole(direction, records):
            cut.done.set()
            self.end(cut.by)
            return False
        return True

    def end(self, how):
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                if how == "rst":
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    end.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                end.close()
        self.ended.set()


class Proxy:
    """Listens where a peer is expected and relays to where it really is."""

    def __init__(self, listen, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", listen), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.connections = []
        self.next_cut = None
        self.pace = None  # (octets, seconds): so many at a time, then a pause
        self.running = True
        threading.Thread(target=self.accept, daemon=True).start()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.target), timeout=30)

    def accept(self):
        while self.running:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                server = self.connect()
            except OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()  # nobody there: the connecting side learns it by a reset
                continue
            server.settimeout(None)
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                cut, self.next_cut = self.next_cut, None
                connection = Connection(client, server, cut, self.pace)
                self.connections.append(connection)
            threading.Thread(target=connection.run, daemon=True).start()

    def last(self):
        with self.lock:
            return self.connections[-1] if self.connections else None

    def drop(self):
        """Ends all connections, so that the next message makes a new one."""
        with self.lock:
            connections, self.connections = self.connections, []
        for connection in connections:
            if not connection.ended.is_set():
                connection.end("fin")

    def arm(self, cut):
        """Ends what is open; the next connection gets `cut`."""
        self.drop()
        with self.lock:
            self.next_cut = cut
        return cut

    def close(self):
        self.running = False
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop()


class Balancer(Proxy):
    """Stands where one access point is published and spreads its connections over the processes that answer."""

    def __init__(self, listen, targets):
        self.targets = targets
        super().__init__(listen, targets[0])

    def connect(self):
        targets = random.sample(self.targets, len(self.targets))
        for number, target in enumerate(targets):
            try:
                return socket.create_connection(("127.0.0.1", target), timeout=30)
            except OSError:
                if number + 1 == len(targets):
                    raise
