"""Connections cut at every kind of octet: in each part of the handshake, of the request, of the answer, and between answer and close.

A relay stands before access point 2. Each case sends one message whose connection is cut at one position; the retries pass. Afterwards the sender has
its receipt, the receiver has the message once, and every failed attempt has a cause in the sender's log.
"""
import time

from cutproxy import BACK, OUT, Cut
from world import NORRBY, REGION, Sender, Violation, wait_for

PLAIN_PER_RECORD = 16384
AROUND_PLAIN = 5 + 1 + 16  # TLS 1.3: head before, content type and tag after the plain octets of a record
OUT_HANDSHAKE = ["client hello", "change cipher spec", "client certificate", "certificate verify", "client finished"]
BACK_HANDSHAKE = ["server hello", "change cipher spec", "encrypted extensions", "certificate request", "server certificate", "certificate verify",
                  "server finished"]


class Layout:
    """Which octets of a connection are what: learned from the records of an uncut connection and a body of the same form."""

    def __init__(self, connection, body):
        out, back = connection.records[OUT].list, connection.records[BACK].list
        self.kinds = []  # (direction, kind, first octet, octet after the last)
        for direction, names, records in ((OUT, OUT_HANDSHAKE, out), (BACK, BACK_HANDSHAKE, back)):
            if len(records) <= len(names) or records[0][0] != 22:
                raise Violation(f"the connection is not the TLS 1.3 handshake that this suite knows: {records}")
            self.kinds += [(direction, name, record[1], record[1] + record[2]) for name, record in zip(names, records)]
        head, parts = out[len(OUT_HANDSHAKE)], out[len(OUT_HANDSHAKE) + 1:]
        self.kinds.append((OUT, "request head", head[1], head[1] + head[2]))
        plain = sum(record[2] - AROUND_PLAIN for record in parts)
        self.body_parts(body, plain, parts[0][1])
        answer = back[len(BACK_HANDSHAKE):]
        start, end = answer[0][1], answer[-1][1] + answer[-1][2]
        self.kinds += [(BACK, "answer head", start, start + 160), (BACK, "receipt", start + 160, end - 60), (BACK, "end of the receipt", end - 60, end)]
        self.last_record, self.answer_start = parts[-1][1], start

    def body_parts(self, body, plain, start):
        """The pieces of a multipart body. Up to the ciphertext they are counted from its start, after it from its end."""
        def find(needle, since=0):
            at = body.find(needle, since)
            if at < 0:
                raise Violation(f"the sample body has no {needle}")
            return at

        root = find(b"\r\n\r\n") + 4
        boundary = body[find(b"--"):body.find(b"\r\n")]
        second = find(b"\r\n" + boundary, root)
        cipher = find(b"\r\n\r\n", second + 4) + 4
        close = body.rfind(b"\r\n" + boundary + b"--")
        security, messaging, soap_body = find(b"BinarySecurityToken", root), find(b"Messaging", root), body.rfind(b"Body", root, second)
        marks = sorted([(0, "MIME head of the root"), (root, "start of the root"), (security, "Security header"), (messaging, "Messaging"), (soap_body, "SOAP Body"),
                        (second, "MIME head of the payload"), (cipher, "ciphertext")])
        ends = [mark[0] for mark in marks[1:]] + [plain - (len(body) - close)]
        pieces = [(name, first, end) for (first, name), end in zip(marks, ends)] + [("last boundary", plain - (len(body) - close), plain)]
        self.kinds += [(OUT, name, self.in_stream(start, first), self.in_stream(start, end)) for name, first, end in pieces if end > first]

    @staticmethod
    def in_stream(start, plain):
        return start + plain // PLAIN_PER_RECORD * (PLAIN_PER_RECORD + AROUND_PLAIN) + 5 + plain % PLAIN_PER_RECORD

    def positions(self, dense):
        """(kind, cut): the first octet, the middle and the last of every kind; `dense` ends each in both ways, otherwise in turn."""
        where = []
        for direction, kind, first, end in self.kinds:
            middle = (first + end) // 2
            slack = 8 if kind in ("last boundary", "end of the receipt") else 1  # lengths vary by an octet or two
            for after in ((first, middle, end - slack) if dense else (middle,)):
                where.append((kind, direction, after, {}))
        where += [("request complete", OUT, self.last_record, {"whole": True}), ("before the answer", BACK, self.answer_start, {}),
                  ("first octet of the answer", BACK, self.answer_start + 1, {"at_once": True}),
                  ("answer complete, before the close", BACK, self.answer_start, {"whole": True})]
        cases = []
        for number, (kind, direction, after, when) in enumerate(where):
            for by in (("rst", "fin") if dense else (("rst", "fin")[number % 2],)):
                cases.append((kind, Cut(direction, after, by, **when)))
        return cases


def transport_done(world, sender):
    """The sending message service knows of the transport receipt."""
    status = world.federation.status(NORRBY, sender.message_id)
    return status and any(event["event"] == "transport_receipt" for event in status["events"])


def send_one(world, proxy, cut):
    if cut:
        proxy.arm(cut)
    else:
        proxy.drop()
    sender = Sender(world.federation, (NORRBY, REGION), time.monotonic() + 120)
    sender()
    if not sender.acknowledged:
        raise Violation(f"{sender.message_id}: the message service did not take it")
    wait_for(lambda: transport_done(world, sender), 120, f"{sender.message_id}: no receipt after {cut}")
    return sender.message_id


def judge(world, foreign, message_id, kind, cut, codes):
    sent = foreign.events(NORRBY, xheId=message_id)
    names = [event["event"] for event in sent]
    got = [event["event"] for event in foreign.events(REGION, as4MessageId=sent[0]["ids"]["as4MessageId"])]
    failures = [event for event in sent if event["event"] == "as4.attempt_failed"]
    place = f"{message_id}, {kind}, {cut}"
    if names.count("as4.delivered") != 1 or names.count("as4.failed"):
        raise Violation(f"{place}: the sender's log says {names}")
    if got.count("as4.received") != 1:
        raise Violation(f"{place}: received {got.count('as4.received')} times: {got}")
    if names.count("as4.sending") != 1 + len(failures):
        raise Violation(f"{place}: {names.count('as4.sending')} attempts, but {len(failures)} causes of failure")
    for failure in failures:
        code = (failure["error"] or {}).get("code", "")
        if not code.startswith(("http.", "tls.")):
            raise Violation(f"{place}: the log calls a cut connection {failure['error']}")
        codes[code] = codes.get(code, 0) + 1
    late = kind in ("before the answer", "first octet of the answer", "answer head", "receipt", "end of the receipt")
    if late and "as4.duplicate" not in got:
        raise Violation(f"{place}: stored before the cut, so the retry must have been known as a duplicate: {got}")


def run(world, foreign, proxy, dense):
    """Returns the ids of all messages sent. World is up; `proxy` stands before ap2."""
    first = [send_one(world, proxy, None) for _ in range(2)]
    connection = proxy.last()
    wait_for(lambda: connection.records[BACK].list[-1][2] > 1000, 10, "no answer seen")
    layout = Layout(connection, foreign.request(hostile=False)[1])
    cases = layout.positions(dense)
    done, missed, codes = [], 0, {}
    for kind, cut in cases:
        message_id = send_one(world, proxy, cut)
        if not cut.done.is_set():
            missed += 1
            print(f"never came: {kind}, {cut}; {[(d, proxy.last().records[d].seen) for d in (OUT, BACK)]}", flush=True)
        done.append((message_id, kind, cut))
    proxy.drop()
    for message_id, kind, cut in done:
        final = world.federation.wait_final(NORRBY, message_id, 120)
        if not final or final["status"] != "ACCEPTED":
            raise Violation(f"{message_id}, {kind}, {cut}: ends as {final}")
        judge(world, foreign, message_id, kind, cut, codes)
    if missed:
        raise Violation(f"{missed} of {len(cases)} cuts never came")
    kinds = {(cut.direction, kind) for kind, cut in cases}
    print(f"cut connections: {len(cases)} positions of {len(kinds)} kinds, each delivered once with receipt; causes in the sender's log: {codes}", flush=True)
    return first + [message_id for message_id, _, _ in done]
