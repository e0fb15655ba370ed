"""Plays a power cut: takes back every write that the shim saw and that was not synced when the process died."""
import os
import pathlib


def parse(octets):
    return scan(octets)[0]


def repair(journal):
    """Cuts off a record that the process died in, so that the next process can append."""
    journal = pathlib.Path(journal)
    if journal.exists():
        octets = journal.read_bytes()
        whole = scan(octets)[1]
        if whole < len(octets):
            os.truncate(journal, whole)


def scan(octets):
    """The records, and where the last whole one ends."""
    records, at, whole = [], 0, 0
    while at < len(octets):
        end = octets.find(b"\n", at)
        if end < 0:
            break  # the process died inside a record: that write never began
        fields = octets[at:end].decode().split("\t")
        at = end + 1
        data = b""
        if fields[0] == "W":
            size = int(fields[3])
            data = octets[at:at + size]
            if len(data) < size:
                break
            at += size
        records.append((fields, data))
        whole = at
    return records, whole


def unsynced(records):
    """The records that a power cut undoes, oldest first."""
    kept = []
    for fields, data in records:
        kind, path = fields[0], fields[1]
        if kind == "S":
            kept = [r for r in kept if not (r[0][1] == path and r[0][0] in "WTC")]
        elif kind == "D":
            kept = [r for r in kept if not (r[0][0] in "CRU" and os.path.dirname(r[0][2] if r[0][0] == "R" else r[0][1]) == path)]
        else:
            kept.append((fields, data))
    return kept


def apply(journal, spare=()):
    """Undoes and forgets; returns how many records were undone. Paths that end with one of `spare` are left alone."""
    journal = pathlib.Path(journal)
    if not journal.exists():
        return 0
    undo = [r for r in unsynced(parse(journal.read_bytes())) if not r[0][1].endswith(tuple(spare) or ("\0",))]
    for fields, data in reversed(undo):
        kind, path = fields[0], fields[1]
        try:
            if kind == "W":
                with open(path, "r+b") as file:
                    file.seek(int(fields[2]))
                    file.write(data)
            elif kind == "T":
                os.truncate(path, int(fields[2]))
            elif kind == "C":
                os.unlink(path)
            elif kind == "R":
                os.rename(fields[2], path)
            elif kind == "U" and not os.path.exists(path):
                os.rename(fields[2], path)
        except FileNotFoundError:
            pass
    journal.unlink()
    return len(undo)
