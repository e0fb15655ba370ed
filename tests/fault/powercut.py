"""Plays a power cut: takes back every write that the shim saw and that was not synced when the process died."""
import os
import pathlib


MAGIC = b"\x01budkavle-undo\x02"  # before every record, as in shim.cpp


def parse(octets):
    return scan(octets)[0]


def repair(journal):
    """Cuts off a record that the process died in. Only tidiness: `scan` passes over such a record wherever it stands."""
    journal = pathlib.Path(journal)
    if journal.exists():
        octets = journal.read_bytes()
        whole = scan(octets)[1]
        if whole < len(octets):
            os.truncate(journal, whole)


def scan(octets):
    """The records, and where the last whole one ends. A record that a process died in is no record: its write never began.
    Several processes may append to one journal, so such a record may stand before others."""
    records, whole = [], 0
    at = octets.find(MAGIC)
    while at >= 0:
        start = at + len(MAGIC)
        after = octets.find(MAGIC, start)
        end = octets.find(b"\n", start)
        if end < 0 or -1 < after < end:
            at = after
            continue
        fields = octets[start:end].decode().split("\t")
        data, stop = b"", end + 1
        if fields[0] == "W":
            stop += int(fields[3])
            if stop > len(octets) or -1 < after < stop:
                at = after
                continue
            data = octets[end + 1:stop]
        records.append((fields, data))
        whole = stop
        at = octets.find(MAGIC, stop)
    return records, whole


def unsynced(records):
    """The records that a power cut undoes, oldest first."""
    content, names = {}, []  # by path: what a sync of the file makes durable; what a sync of its folder does
    for number, (fields, data) in enumerate(records):
        kind, path = fields[0], fields[1]
        if kind == "S":
            content.pop(path, None)
            names = [n for n in names if not (n[1][0][0] == "C" and n[1][0][1] == path)]
        elif kind == "D":
            names = [n for n in names if os.path.dirname(n[1][0][2] if n[1][0][0] == "R" else n[1][0][1]) != path]
        elif kind in "WT":
            content.setdefault(path, []).append((number, (fields, data)))
        else:
            names.append((number, (fields, data)))
    everything = names + [entry for entries in content.values() for entry in entries]
    return [record for _, record in sorted(everything, key=lambda entry: entry[0])]


SECTOR = 512  # octets that a disk writes whole or not at all


def torn(data, tear):
    """What of an overwritten piece stands there again: `tear` (a random.Random) decides for each sector; without it all of it."""
    pieces = [(at, data[at:at + SECTOR]) for at in range(0, len(data), SECTOR)]
    return [piece for piece in pieces if tear is None or tear.random() < 0.5]


def apply(journal, spare=(), tear=None):
    """Undoes and forgets; returns how many records were undone. Paths that end with one of `spare` are left alone. With `tear` the cut comes in the middle of
    what the disk was writing: some sectors of each unsynced write stay, and half of what was appended does, cut at any octet."""
    journal = pathlib.Path(journal)
    if not journal.exists():
        return 0
    undo = [r for r in unsynced(parse(journal.read_bytes())) if not r[0][1].endswith(tuple(spare) or ("\0",))]
    for fields, data in reversed(undo):
        kind, path = fields[0], fields[1]
        try:
            if kind == "W":
                with open(path, "r+b") as file:
                    for at, piece in torn(data, tear):
                        file.seek(int(fields[2]) + at)
                        file.write(piece)
            elif kind == "T":
                size, now = int(fields[2]), os.path.getsize(path)
                os.truncate(path, size if tear is None or now <= size or tear.random() < 0.5 else tear.randint(size, now))
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
