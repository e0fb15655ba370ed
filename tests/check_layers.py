#!/usr/bin/env python3
"""Holds the includes of every library against the DEPENDS list in CMakeLists.txt: includes point downward only."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def allowed():
    libraries = {}
    for name, rest in re.findall(r"^budkavle_library\((\w+)([^)]*)\)", (ROOT / "CMakeLists.txt").read_text(), re.M):
        depends = re.search(r"DEPENDS ([\w ]+?)(?: SYSTEM|$)", rest)
        libraries[name] = set(depends.group(1).split()) if depends else set()
        unknown = libraries[name] - (set(libraries) - {name})
        if unknown:
            sys.exit(f"CMakeLists.txt: {name} depends on {', '.join(sorted(unknown))}, which stand below it: the list must be acyclic")
    return libraries


def main():
    libraries = allowed()
    faults, heavy, foreign = [], {}, set()
    for file in sorted((ROOT / "src").rglob("*.[ch]pp")):
        library = file.relative_to(ROOT / "src").parts[0]
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = re.match(r'\s*#include "(\w+)/', line)
            if match and match.group(1) != library and match.group(1) not in libraries[library]:
                faults.append(f"{file.relative_to(ROOT)}:{number}: {library} may not include {match.group(1)}")
            if file.suffix == ".hpp" and re.match(r"\s*#include <(boost|openssl|libxml|curl|ldns|sqlite3|toml)", line):
                heavy.setdefault(f"{library}/{file.name}", f"{file.relative_to(ROOT)}:{number}")
            if match and match.group(1) != library:
                foreign.add(line.split('"')[1])
    faults += [f"{place}: a header that other libraries include may not bring heavy headers" for header, place in heavy.items() if header in foreign]
    print("\n".join(faults) or f"{len(libraries)} libraries keep to their layers")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
