#!/usr/bin/env python3
"""phase4 as receiver for a benchmark: builds the peer when needed, then becomes the Java process. See phase4/README.md."""
import argparse
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))
import peer  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("as4-key", "as4-cert", "as4-trust", "tls-key", "tls-cert", "tls-trust"):
        parser.add_argument(f"--{name}", required=True, help="PEM; keys as PKCS#8")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control", type=int, default=0)
    parser.add_argument("--heap", default="512m")
    options = parser.parse_args()
    try:
        peer.build()
    except peer.NoJava as problem:
        sys.exit(f"bench_receiver: {problem}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="budkavle-bench-peer-"))
    settings = {name.replace("_", "."): value for name, value in vars(options).items() if name.startswith(("as4", "tls"))}
    settings.update({"port": options.port, "control": options.control, "bench": "yes", "folder": folder / "kept"})
    (folder / "peer.properties").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    os.execvp("java", ["java", f"-Xms{options.heap}", f"-Xmx{options.heap}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", peer.classpath(),
                       "budkavle.interop.Peer", str(folder / "peer.properties")])


if __name__ == "__main__":
    main()
