"""Messages sent through an outage, what the logs say meanwhile, and the account afterwards: taken means delivered once, and both sides agree."""
import json
import threading
import time

from world import NORRBY, REGION, Sender, Violation, wait_for

LOGS = ("technical", "transfer", "audit")
PATIENCE = 300  # seconds; only against waiting for ever, never a measure


class Words:
    """What the components log from now on."""

    def __init__(self, world):
        self.world = world
        self.marks = {path: path.stat().st_size for path in self.files()}

    def files(self, component=None):
        names = [component] if component else list(self.world.components)
        return [path for name in names for log in LOGS if (path := self.world.folder / name / "log" / f"{log}.jsonl").exists()]

    def lines(self, component):
        found = []
        for path in self.files(component):
            with open(path, "rb") as file:
                file.seek(self.marks.get(path, 0))
                for line in file.read().decode(errors="replace").splitlines():
                    try:
                        found.append(json.loads(line))
                    except json.JSONDecodeError:
                        pass  # the line a process died in
        return found

    def said(self, component, *events, cause=()):
        """Has the component logged one of the events, with one of the causes (when given)?"""
        return any(line.get("event") in events and (not cause or (line.get("cause") or line.get("code") or "").startswith(tuple(cause)))
                   for line in self.lines(component))

    def heard(self, component):
        return sorted({(line.get("event", ""), line.get("cause") or line.get("code") or "") for line in self.lines(component)})

    def expect(self, component, *events, cause=(), patience=PATIENCE):
        wait_for(lambda: self.said(component, *events, cause=cause), patience,
                 lambda: f"the operator of {component} was to read {' or '.join(events)} {cause or ''}, but reads {self.heard(component)}")

    def expect_any(self, *choices, patience=PATIENCE):
        """One of several components says it: (component, events, causes)."""
        wait_for(lambda: any(self.said(component, *events, cause=cause) for component, events, cause in choices), patience,
                 lambda: f"nobody said what was due ({choices}); heard: { {component: self.heard(component) for component, _, _ in choices} }")


class Traffic:
    """Everything sent since the suite began."""

    def __init__(self, world, foreign):
        self.world, self.foreign = world, foreign
        self.open, self.all = [], []

    def send(self, count=2, pair=(NORRBY, REGION), **options):
        """Starts careful senders; they go on until their message is taken."""
        started = []
        for _ in range(count):
            sender = Sender(self.world.federation, pair, time.monotonic() + PATIENCE, **options)
            sender.thread = threading.Thread(target=self.guard, args=(sender,), daemon=True)
            sender.thread.start()
            started.append(sender)
        self.open += started
        return started

    @staticmethod
    def guard(sender):
        sender.violation = None
        try:
            sender()
        except Violation as violation:
            sender.violation = violation

    def delivered(self, sender):
        return sum(m["messageId"] == sender.message_id for m in self.world.federation.inbox(sender.pair[1]))

    def settle(self, what):
        """All is well again: everything that was taken ends ACCEPTED, stands once, and both access points agree."""
        for sender in self.open:
            sender.thread.join(PATIENCE)
            if sender.violation:
                raise sender.violation
            if not sender.acknowledged:
                raise Violation(f"{what}: {sender.message_id} could not be handed over after the outage")
            final = self.world.federation.wait_final(sender.pair[0], sender.message_id, PATIENCE)
            if not final or final["status"] != "ACCEPTED":
                raise Violation(f"{what}: {sender.message_id} was taken, but ends as {json.dumps(final)}")
            wait_for(lambda s=sender: self.delivered(s) == 1, PATIENCE, lambda s=sender: f"{what}: {s.message_id} stands {self.delivered(s)} times in the inbox")
        for sender in self.open:
            self.foreign.agree(sender.pair, sender.message_id, what, PATIENCE)
        self.all += self.open
        self.open = []
