"""Orders to the shim of one process, in a file that both sides map: a wrong clock, a full volume, a disk that fails to sync."""
import mmap
import struct

WORDS = ("clock_ms", "full_at", "full_on", "sync_at", "sync_for", "sync_on", "failed", "unseen")
LOG_OF_DATABASE, BLOBS, LOGS, OTHER, DATABASE = 1, 2, 4, 8, 16
DATA = LOG_OF_DATABASE | DATABASE | BLOBS | OTHER
ALL = DATA | LOGS


class Control:
    def __init__(self, file):
        self.file = file
        file.write_bytes(bytes(4096))
        with open(file, "r+b") as opened:
            self.words = mmap.mmap(opened.fileno(), 4096)

    def get(self, word):
        return struct.unpack_from("=q", self.words, WORDS.index(word) * 8)[0]

    def set(self, **orders):
        for word, value in orders.items():
            struct.pack_into("=q", self.words, WORDS.index(word) * 8, value)

    def clock(self, seconds):
        """The wall clock is wrong by so much from now on."""
        self.set(clock_ms=int(seconds * 1000))

    def full(self, after=0, on=DATA):
        """`after` writes still find space, then none does."""
        self.set(full_on=on, full_at=after + 1)

    def failing_sync(self, after=0, count=-1, on=DATA):
        """`after` syncs succeed, then `count` fail (all, when below zero)."""
        self.set(sync_on=on, sync_for=count, sync_at=after + 1)

    def seen(self):
        """Faults that an operation met; a checkpoint that fails is tried again and hurts nobody."""
        return self.get("failed") - self.get("unseen")

    def heal(self):
        self.set(clock_ms=0, full_at=0, sync_at=0, sync_for=0)
