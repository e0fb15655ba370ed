#!/usr/bin/env python3
"""Every rule of as4-wire.md and access-point.md is broken by a class of messages of its own, or it is said why no message can break it.

rules.tsv is the table: rule, what, classes ("ok-" harmless ones, "submit" ones of interface C), reason. A class is named by the beginning of its name. Fails when
a rule has neither or both without need, when a class does not exist, when a class breaks no rule of the table, and, where BUDKAVLE_SPEC names the folder of the
specification, when a rule of the specification is missing.
"""
import csv
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent


def rules():
    with open(HERE / "rules.tsv", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def named(row):
    """The classes of one rule; "submit NAME" is one."""
    words = row["classes"].split()
    return [f"submit {word}" if words[i - 1:i] == ["submit"] else word for i, word in enumerate(words) if word != "submit"]


def existing():
    """Names and beginnings of names of the classes, as the sources of the generator and the suite hold them."""
    found = set()
    for file in (HERE / "forge").glob("*.cpp"):
        text = file.read_text(encoding="utf-8")
        for call, name in re.findall(r"\b(adverse|harmless|not_serviced)\(\s*(?:all,\s*)?(?:std::string\()?\"([^\"]+)\"", text):
            found.add(("ok-" if call == "harmless" else "") + name)
        found |= set(re.findall(r"\"(SEC-107-)\"", text)) | {"1.8-" + name for name in re.findall(r"\bR\d{4}\b", text) if "bsp" in file.name}
    suite = (HERE / "adverse.py").read_text(encoding="utf-8")
    found |= {f"submit {name}" for name in re.findall(r"submit\(f?\"([\w.\-]+)", suite)}
    found |= {f"submit {stem}" for stem in re.findall(r"envelopes\(\"([\w.\-]+)\"\)", suite)}
    return found


def items(text, name):
    """Rows of tables by their first cell, bullets and numbered lines by their number, below one heading."""
    found, number, head = [], 0, True
    for line in text.splitlines():
        if line.startswith("|"):
            cell = line.split("|")[1].strip()
            if not head and not set(cell) <= set("-: "):
                found.append(f"{name} {cell}")
            head = False
        else:
            head = True
            if re.match(r"([*-]|\d+\.) ", line):
                number += 1
                found.append(f"{name}.{number}")
    return found


def sections(text):
    parts = re.split(r"^#+ (\d+(?:\.\d+)?)\.? .*$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def ranges(text, pattern):
    """Ids in a text, R3029–R3033 as its two ends (what lies between is not listed by the specification)."""
    return set(re.findall(pattern, text))


def of_specification(folder):
    wire, ap = ((folder / name).read_text(encoding="utf-8") for name in ("as4-wire.md", "access-point.md"))
    part, point = sections(wire), sections(ap)
    found = set(items(part["0"], "wire 0"))
    for number in ("1.1", "1.2", "1.3", "1.4", "1.5", "1.6"):
        found |= set(items(part[number], f"wire {number}"))
    found |= {f"wire 1.7 EBMS:{cell.removeprefix('wire 1.7 ')}" for cell in items(part["1.7"], "wire 1.7") if re.match(r"wire 1\.7 \d", cell)}
    found |= {f"wire 1.7 {name}" for name in re.findall(r"^\*\*(\w+)\*\*", part["1.7"], re.M)}
    found |= ranges(part["1.8"], r"\bR\d{4}\b")
    found |= {f"access-point {number}.{step}" for number in ("3", "4") for step in re.findall(r"^\| (\d+) \|", point[number], re.M)}
    found |= {one for number in ("5", "6") for one in items(point[number], f"access-point {number}")}
    for text in (wire[:wire.index("### 2.2")], ap):
        found |= set(re.findall(r"\b(?:AP-\d\d|K\d+|TF-\d\d|SEC-\d+)\b", text))
        for prefix, first, last in re.findall(r"(?<!\w)((?:4CT_)?TA)(\d\d)(?:\s*–\s*(?:TA)?(\d\d))?", text):
            found |= {f"{prefix}{n:02}" for n in range(int(first), int(last or first) + 1)}
        for first, last in re.findall(r"\bR(\d+)–R(\d+)\)", text):
            if int(last) < 100:
                found |= {f"R{n}-XHE" for n in range(int(first), int(last) + 1)}
    return found


def main():
    table, known, problems = rules(), existing(), []
    ids = [row["rule"] for row in table]
    problems += [f"{one} stands twice in rules.tsv" for one in sorted({one for one in ids if ids.count(one) > 1})]
    used = set()
    for row in table:
        classes, reason = named(row), row["no message breaks it because"]
        if not classes and not reason:
            problems.append(f"{row['rule']}: neither a class nor a reason")
        for one in classes:
            fitting = {name for name in known if name.startswith(one) or one.startswith(name)}
            used |= fitting
            if not fitting:
                problems.append(f"{row['rule']}: there is no class {one}")
    problems += [f"the class {one} stands with no rule" for one in sorted(known - used) if not one.startswith("submit")]
    folder = os.environ.get("BUDKAVLE_SPEC")
    if folder:
        specified = of_specification(pathlib.Path(folder))
        if len(specified) < 200:
            problems.append(f"only {len(specified)} rules were found in the specification")
        problems += [f"{one} stands in the specification but not in rules.tsv" for one in sorted(specified - set(ids))]
        problems += [f"{one} stands in rules.tsv but not in the specification" for one in sorted(set(ids) - specified) if one.startswith(("wire", "access-point"))]
    with_class = sum(bool(row["classes"]) for row in table)
    print("\n".join(problems) or f"{with_class} rules are broken by classes of messages, {len(table) - with_class} have a reason why none can{', as the specification lists them' if folder else ''}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
