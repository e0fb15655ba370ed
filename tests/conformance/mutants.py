#!/usr/bin/env python3
"""Breaks each security check of src/as4 once and asks whether the catalogue of messages notices.

One check at a time is changed in a copy of its file, which is compiled and linked before the library; the tree and every other
build stay as they are. A mutant lives when no message is judged otherwise than INDEX.tsv says: then a check is not tested.
"""
import argparse
import csv
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

from adverse import make_keys
from bed import FORGE, NORRBY, REGION, ROOT, SODERBY, forge, prepare

# file, what stands there, what stands there instead, rule
MUTANTS = [
    ("open.cpp", "if (signer.common_name() != message.from.id) return refuse(Cause::signer_not_party);", "", "AP-04: signer is From"),
    ("open.cpp", "BUDKAVLE_CHECK(verify_elements(*security.signature, ids, signer));", "", "1.6: signature value and element digests"),
    ("open.cpp", "BUDKAVLE_CHECK(check_timestamp(security, context.trust.policy.at, context.skew));", "", "K41: times of the Timestamp"),
    ("open.cpp", "BUDKAVLE_CHECK(check_encryption(security, cids));", "", "AP-20: every part encrypted"),
    ("open.cpp", "info == parts.end() || received_.contains(info->cid)", "false", "1.2: parts that nobody names"),
    ("open.cpp", "if (received_.size() != header_.message.parts.size()) return refuse(Cause::part_mismatch);", "", "1.2: missing parts"),
    ("verify.cpp", "if (!xmlsec::check_signature_value(signature, signer.public_key())) return refuse(Cause::signature);", "", "1.6: signature value"),
    ("verify.cpp", "if (!xmlsec::check_digest(reference, hasher.digest())) return refuse(Cause::digest);", "", "1.6: digests of Messaging, Body, Timestamp"),
    ("payload.cpp", "if (!digest || !equal_constant_time(*digest, task.digest_value)) return refuse(Cause::digest);", "", "1.5: digest of the part (TA35, TA37)"),
    ("payload.cpp", "if (!authentic) return refuse(Cause::decryption);", "", "1.5: GCM tag before everything else"),
    ("security.cpp", "if (blocks.key)", "if (false)", "1.6: one EncryptedKey"),
    ("security.cpp", "if (signature)", "if (false)", "1.6: one Signature"),
    ("security.cpp", "if (header.timestamp) return refuse(", "if (false) return refuse(", "1.8: one Timestamp"),
    ("security.cpp", "if (header.timestamp && !timestamp) return refuse(", "if (false) return refuse(", "K41: Timestamp signed"),
    ("security.cpp", "!messaging || (what.body_required && !body) || cids.size() != what.cids.size()", "(what.body_required && !body) || cids.size() != what.cids.size()", "1.6: Messaging covered"),
    ("security.cpp", "!messaging || (what.body_required && !body) || cids.size() != what.cids.size()", "!messaging || cids.size() != what.cids.size()", "1.6: Body covered"),
    ("security.cpp", "!messaging || (what.body_required && !body) || cids.size() != what.cids.size()", "!messaging || (what.body_required && !body)", "1.6: every part covered"),
    ("security.cpp", "reference.transforms.size() != 1 ||", "", "1.8: one transform (R5416)"),
    ("security.cpp", "if (!known)", "if (false)", "1.6: nothing else covered, wrapping"),
    ("soap.cpp", "if (!fresh && entry->second != element)", "if (false)", "1.6: every Id unique"),
    ("soap.cpp", "if (envelope.security)", "if (false)", "1.6: one Security header"),
    ("soap.cpp", "if (envelope.messaging)", "if (false)", "1.3: one Messaging"),
    ("soap.cpp", "if (!is_ncname(entry->first))", "if (false)", "1.3: Id is an NCName"),
    # Without the look at the name alone, the parameters would still not fit: the mutant takes rsa-1_5 for the required transport.
    ("encryption_header.cpp", 'if (algorithm != kRsaOaep11 && algorithm != kRsaOaepMgf1p)', 'if (algorithm.ends_with("rsa-1_5")) return crypto::Oaep{DigestAlgorithm::sha256, DigestAlgorithm::sha256};\n    if (algorithm != kRsaOaep11 && algorithm != kRsaOaepMgf1p)', "1.6: no rsa-1_5"),
    ("encryption_header.cpp", "if (!required && !switched_on)", "if (false)", "1.6: older key transport by switch only"),
    ("encryption_header.cpp", 'attribute_of(children[0], "Algorithm") != kAes128Gcm || children[0].has_element_children()', "false", "1.6: AES-128-GCM only"),
    ("encryption_header.cpp", "if (!cids.insert(part.cid).second)", "if (false)", "1.6: one EncryptedData per part"),
    ("encryption_header.cpp", "if (!listed.empty())", "if (false)", "1.6: ReferenceList complete"),
    ("encryption_header.cpp", 'if (!has_only_attributes(element, {"Id"}))', "if (false)", "1.8: R3209, R5602, R5622, R5623"),
    ("tokens.cpp", "if (token_type && trim(*token_type) != value_type)", "if (false)", "1.8: R5215"),
    ("profile.cpp", "if (message.to.id != own_party_id)", "if (false)", "AP-04: To is us"),
    ("profile.cpp", "if (std::ranges::none_of(accept.profiles, roles_match))", "if (false)", "AP-02: roles"),
    ("user_message.cpp", "if (ids.size() != 1) return refuse(", "if (false) return refuse(", "TA03: one PartyId"),
]


def commands():
    """How objects of src/as4 are compiled, and how the forge is linked."""
    build = ROOT / "build" / "release"
    units = {pathlib.Path(unit["file"]).name: unit for unit in json.loads((build / "compile_commands.json").read_text()) if "/src/as4/" in unit["file"]}
    link = subprocess.run(["ninja", "-C", str(build), "-t", "commands", "-s", "tests/forge_as4"], capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1]
    return build, units, link


def link_line(link, build, objects, out):
    """The forge's own link command with other objects in front and another result."""
    words = shlex.split(link.split("&&")[1])
    at = words.index("-o")
    words[at + 1] = str(out)
    first = next(i for i, word in enumerate(words) if word.endswith(".o"))
    return words[:first] + [str(one) for one in objects] + words[first:]


def judge(program, folder, keys, facts):
    done = subprocess.run([program, "judge", "--keys", keys, "--messages", folder, "--trust", facts["trust"]["as4"], *[part for one in facts["crls"] for part in ("--crl", one)]], capture_output=True, text=True, timeout=300)
    # A mutant may end the program, in the middle of a line too.
    return {name: (code, detail) for name, code, detail in (line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 2)}, done.returncode


def surprises(verdicts, rows):
    """Messages that the AS4 core alone judges otherwise than INDEX.tsv says."""
    found = []
    for row in rows:
        if row["setting"] or row["name"].startswith(("AP-6", "ok-AP-6", "AP-4", "K23", "TF-09", "1.5-compression-not-told", "1.5-bomb")):
            continue  # not a question for the core
        said = verdicts.get(row["name"], ("nothing", ""))
        if row["kind"] == "harmless":
            good = said[0] == "accepted"
        else:
            good = said[0] == row["code"] and (row["detail"] == said[1] if row["detail"] else row["rule"] in said[1])
        if not good:
            found.append(row["name"])
    return found


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--only", default="", help="part of a rule")
    options.add_argument("--table", help="file for the table")
    options = options.parse_args()
    build, units, link = commands()
    lived, table = [], []
    with tempfile.TemporaryDirectory(prefix="budkavle-") as data, tempfile.TemporaryDirectory() as made:
        federation, pki = prepare(data)
        keys = make_keys(federation, pki)
        folder = pathlib.Path(made) / "messages"
        forge("write", "--keys", keys, "--from", NORRBY, "--to", REGION, "--elsewhere", SODERBY, "--federation", federation.facts["federationId"], "--out", folder)
        with open(folder / "INDEX.tsv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        verdicts, code = judge(FORGE, folder, keys, federation.facts)
        unbroken = surprises(verdicts, rows)
        if unbroken or code != 0:
            raise SystemExit(f"the unbroken core already differs: {unbroken[:10]}")
        for number, (name, old, new, rule) in enumerate(MUTANTS):
            if options.only not in rule:
                continue
            unit = units[name]
            source = pathlib.Path(unit["file"]).read_text()
            flat = " ".join(source.split())
            if old not in source:  # the same with other line breaks
                raise SystemExit(f"{name} no longer holds: {old}" + (" (in one line)" if " ".join(old.split()) in flat else ""))
            changed = pathlib.Path(made) / f"{number}-{name}"
            changed.write_text(source.replace(old, new, 1))
            words = [word for word in shlex.split(unit["command"]) if word not in ("-Werror", "ccache", "/usr/bin/ccache")]
            words[words.index("-o") + 1] = f"{changed}.o"
            words[words.index("-c") + 1] = str(changed)
            subprocess.run([*words, "-w"], cwd=unit["directory"], check=True, capture_output=True)
            program = pathlib.Path(made) / f"forge-{number}"
            subprocess.run(link_line(link, build, [f"{changed}.o"], program), cwd=build, check=True, capture_output=True)
            verdicts, code = judge(program, folder, keys, federation.facts)
            noticed = surprises(verdicts, rows)
            program.unlink()
            count = "ends the program" if code != 0 else len(noticed)
            print(f"{'noticed: ' + str(count) if noticed else 'LIVES'}  {name}: {rule}", flush=True)
            table.append(f"| {rule} | `{name}` | {count} | {', '.join(f'`{one}`' for one in noticed[:2])} |")
            if not noticed:
                lived.append(rule)
    if options.table:
        pathlib.Path(options.table).write_text("| Check taken out | File | Messages that notice | For example |\n|---|---|---|---|\n" + "\n".join(table) + "\n")
    print(f"{len(table)} mutants, {len(lived)} live: {lived}")
    sys.exit(1 if lived else 0)


if __name__ == "__main__":
    main()
