#!/usr/bin/env python3
"""Our access point against other people's code: phase4 as a peer in both directions, WSS4J/Santuario, the JDK, openssl and xmlsec1 as judges.

interop.py            everything
interop.py --smoke    one message each direction, duplicates, an error, receipts; for .ci/run"""
import argparse
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))
sys.path.insert(0, str(ROOT / "tests" / "interop"))
import as4_level  # noqa: E402
import chain as whole  # noqa: E402
import directory  # noqa: E402
import evidence  # noqa: E402
import peer as foreign  # noqa: E402
import trust  # noqa: E402
import wss4j  # noqa: E402
from federation import running_demo  # noqa: E402


class Cases:
    """One line per case; a group that raises is a failure, not the end."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, condition, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
        print(f"  {'ok    ' if condition else 'FAILED'}  {name}" + ("" if condition else f"\n          {str(detail)[:3000]}"), flush=True)
        return condition

    def group(self, title, work, *arguments):
        started = time.monotonic()
        print(title, flush=True)
        try:
            return work(*arguments)
        except Exception as problem:  # noqa: BLE001 the other groups shall run
            self.check(f"{title}: ran to its end", False, f"{type(problem).__name__}: {problem}")
            return None
        finally:
            print(f"          {time.monotonic() - started:.1f} s", flush=True)

    def finish(self, at_least):
        print(f"{self.passed} passed, {self.failed} failed")
        if self.passed + self.failed < at_least:
            print(f"only {self.passed + self.failed} cases ran, {at_least} were expected")
            sys.exit(1)
        sys.exit(1 if self.failed else 0)


def federation_cases(cases, folder, smoke):
    with running_demo(data=str(folder / "demo")) as federation:
        chain = whole.Chain(federation, folder, cases)
        try:
            first = cases.group("phase4 → access point → message service", whole.plain_in, chain)
            if first:
                cases.group("duplicates", whole.duplicates_in, chain, *first)
            cases.group("message service → access point → phase4", whole.plain_out, chain)
            cases.group("what phase4 can answer", whole.misbehaving_out, chain, smoke)
            cases.group("peppol-commons → our locator and SMP", directory.run, cases, federation, folder / "directory")
            trust.run(cases, federation, folder / "trust")
            if not smoke:
                cases.group("refusals, understood by phase4", whole.errors_in, chain)
                cases.group("variants of phase4's messages", whole.variants_in, chain)
                cases.group("as4 ping", whole.ping_out, chain)
                as4_level.run(chain)
                cases.group("phase4 away", whole.away_out, chain)
                cases.group("transport profile v1_2", whole.profile_out, chain)
            cases.group("what crossed the wire, before WSS4J alone", wss4j.wire, cases, chain)
        finally:
            chain.peer.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--keep", help="folder that keeps everything that crossed the wire")
    options = parser.parse_args()
    try:
        foreign.build()
    except foreign.NoJava as problem:
        sys.exit(f"interop: {problem}")
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="budkavle-interop-") as temporary:
        folder = pathlib.Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        federation_cases(cases, folder, options.smoke)
        if not options.smoke:
            cases.group("what we seal and sign, before WSS4J", wss4j.seals, cases, folder / "seals")
            cases.group("what WSS4J makes, before us", wss4j.variants, cases, folder / "made")
            cases.group("evidence of a demo, judged by the JDK and openssl", evidence.run, cases, folder / "evidence")
    cases.finish(at_least=60 if options.smoke else 200)


if __name__ == "__main__":
    main()
