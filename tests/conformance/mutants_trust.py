#!/usr/bin/env python3
"""Takes out each rule of trust, look-up and of the access point itself once, and asks whether the library's own unit tests notice.

As mutants.py: one line is changed in a copy of its file, compiled and linked before the library; the tree and every other build stay as they are.
"""
import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"

# library, tests of it, file, what stands there, what stands there instead, rule
CRYPTO, SMP = ("crypto", "*"), ("smp", "*")
AP = ("accesspoint", "Receive*:*Rules*:Proxied*:Forwarding*:*Send*:*Duplicate*:Config*:Separation*")
MUTANTS = [
    (CRYPTO, "trust.cpp", "X509_VERIFY_PARAM_set_auth_level(parameters, 1);", "X509_VERIFY_PARAM_set_auth_level(parameters, 0);", "SEC-45: no SHA-1, no MD5 in a path"),
    (CRYPTO, "trust.cpp", "if (policy.anchor_must_issue) BUDKAVLE_CHECK(check_issuing_anchor(chain, anchors_));", "", "AP-14: issued by the AP CA itself"),
    (CRYPTO, "trust.cpp", "if (!is_strong(sk_X509_value(chain, i), policy.min_rsa_bits))", "if (false)", "SEC-45: key length in the path"),
    (CRYPTO, "trust.cpp", "if (!valid) return path_error(code, rule);", "", "AP-15: validity"),
    (CRYPTO, "trust.cpp", "if (!is_usable(leaf, purpose_, policy.use)) {", "if (false) {", "XHE-05, AP-15: usage of the key"),
    (CRYPTO, "trust.cpp", "GoodPaths::common().add(key, path);\n    return check_revocation(path, crls, policy, rule);", "GoodPaths::common().add(key, path);\n    return {};", "AP-15: revocation of a new path"),
    (CRYPTO, "trust.cpp", "return check_revocation(*known, crls, policy, rule);", "return {};", "AP-15: revocation of a known path"),
    (CRYPTO, "trust.cpp", "const auto valid = [&](const Certificate& one) { return one.not_before() <= at && at <= one.not_after(); };", "const auto valid = [&](const Certificate&) { return true || at == Time{}; };", "AP-15: validity of a known path"),
    (CRYPTO, "trust.cpp", "if (unknown && policy.revocation == RevocationPolicy::required) {", "if (false) {", "AP-18: no data, no trust"),
    (CRYPTO, "trust.cpp", "if (policy.at > leaf.not_after()) return path_error(X509_V_ERR_CERT_HAS_EXPIRED, rule);", "", "AP-15: validity of a pinned certificate"),
    (CRYPTO, "revocation.cpp", "if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0) return false;", "", "pki.md 5.3: no delta list"),
    (CRYPTO, "revocation.cpp", "if (current) status = RevocationStatus::good;", "status = RevocationStatus::good;", "AP-18: list within its validity"),
    (CRYPTO, "ocsp.cpp", "if (OCSP_basic_verify(basic, only.get(), nullptr, OCSP_NOVERIFY | OCSP_NOINTERN) != 1)", "if (false)", "pki.md 5.4: signature of the answer"),
    (CRYPTO, "ocsp.cpp", "if (!is_sha2(OCSP_resp_get0_tbs_sigalg(basic)))", "if (false)", "pki.md 5.4: SHA-2 only"),
    (CRYPTO, "ocsp.cpp", "if (X509_check_issued(issuer.raw(), signer) != X509_V_OK ||", "if (false &&", "pki.md 5.4: responder certified by the issuer"),
    (CRYPTO, "ocsp.cpp", "if (X509_get_ext_by_NID(signer, NID_ext_key_usage, -1) < 0 ||", "if (false &&", "pki.md 5.4: responder meant for OCSP"),
    (CRYPTO, "ocsp.cpp", "if (X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) < 0)", "if (false)", "pki.md 5.4: nocheck"),
    (CRYPTO, "ocsp.cpp", "if (!from || !to || at + kClockTolerance < *from || at > *to)", "if (false)", "pki.md 5.4: validity of the responder"),
    (CRYPTO, "ocsp.cpp", "if (out.next_update <= at) return refused(\"ocsp.expired\"", "if (false) return refused(\"ocsp.expired\"", "AP-18: answer within its validity"),
    (CRYPTO, "ocsp.cpp", "if (out.this_update > at + kClockTolerance)", "if (false)", "AP-18: answer of the future"),
    (CRYPTO, "ocsp.cpp", "if (!nonce_fits(basic.get(), nonce))", "if (false)", "pki.md 5.4: nonce"),
    (CRYPTO, "ocsp.cpp", "if (der.size() > kMaxOcspAnswer)", "if (false)", "pki.md 5.4: length"),
    (SMP, "verify.cpp", "if (octets.size() > kMaxAnswer)", "if (false)", "smp.md 1.7: length"),
    (SMP, "verify.cpp", "if (const auto findings = check_signed_service_metadata(root); !findings.empty()) return refuse_schema(findings);", "", "smp.md 1.7: schema"),
    (SMP, "verify.cpp", "if (auto refused = check_signer(*signature, expectation)) return *std::move(refused);", "", "AP-16: signer"),
    (SMP, "verify.cpp", "if (!signature.signer.may_sign())", "if (false)", "AP-16: usage of the signer's key"),
    (SMP, "verify.cpp", "if (metadata.child(kSmpNamespace, \"Redirect\")) {", "if (false) {", "smp.md 1.7: no redirect"),
    (SMP, "verify.cpp", "if (!is_wanted_participant(found_participant, expectation) || !wanted_document) {", "if (false) {", "smp.md 1.7: who was asked for"),
    (SMP, "verify.cpp", "if (!is_wanted_participant(identifier_of(document.root(), \"ParticipantIdentifier\"), expectation)) {", "if (false) {", "smp.md 1.7: whose group"),
    (SMP, "verify.cpp", "if (auto good = check_endpoint_certificate(choice.endpoint->certificate, expectation); !good) {", "if (auto good = Result<>{}; !good) {", "AP-14, AP-15: certificate of the endpoint"),
    (SMP, "endpoint.cpp", "if (is_active(endpoint, expectation.at)) {", "if (true) {", "smp.md 1.7: active period"),
    (SMP, "endpoint.cpp", "if (matching.size() > 1) {", "if (false) {", "smp.md 1.7: one endpoint"),
    (SMP, "endpoint.cpp", "if (auto good = check_endpoint_uri(matching.front().uri); !good)", "if (auto good = Result<>{}; !good)", "smp.md 1.4: https"),
    (SMP, "endpoint.cpp", "if (certificate.common_name().empty()) {", "if (false) {", "AP-04: the certificate names the party"),
    (SMP, "verify.cpp", "if (!certificate.may_encipher()) continue;", "", "FED-15: usage of an encryption certificate"),
    (AP, "header_checks.cpp", "if (message.timestamp > now + config.clock_skew) {", "if (false) {", "AP-6: dated in the future"),
    (AP, "header_checks.cpp", "if (message.timestamp < now - config.duplicate_memory + config.clock_skew) {", "if (false) {", "AP-6: older than the duplicate memory"),
    (AP, "header_checks.cpp", "if (registered->endpoint.certificate.common_name() != message.from.id)", "if (false)", "K26: originalSender served by the sender"),
    (AP, "header_checks.cpp", "if (load.messages < quota.messages && load.octets < quota.octets) return {};", "return {};", "SEC-107: quota"),
    (AP, "admission.cpp", "if (!code && (space.available < config_.least_free_disk || space.available - config_.least_free_disk < octets)) {", "if (false) {", "SEC-107: disk"),
    (AP, "admission.cpp", "if (taken >= config_.receives_per_peer) {", "if (false) {", "SEC-107: one peer's share"),
    (AP, "admission.cpp", "if (maintenance()) {", "if (false) {", "SEC-91: maintenance"),
    (AP, "envelope_checks.cpp", "if (participant == nullptr) return not_serviced(", "if (participant == nullptr) participant = &config.participants.front();\n    if (false) return not_serviced(", "AP-4.6: recipient served"),
    (AP, "envelope_checks.cpp", "std::ranges::none_of(participant->documents, takes)", "false", "AP-4.6: type taken"),
    (AP, "envelope_checks.cpp", "if (!same_participant(message.final_recipient(), envelope.to)) return mismatch(\"finalRecipient\");", "", "K23: finalRecipient"),
    (AP, "envelope_checks.cpp", "if (!same_participant(message.original_sender(), envelope.from)) return mismatch(\"originalSender\");", "", "K23: originalSender"),
    (AP, "envelope_checks.cpp", "if (message.action != envelope.document_scheme + \"::\" + envelope.document_id) return mismatch(\"Action\");", "", "K23: Action"),
    (AP, "envelope_checks.cpp", "if (!participant.approved)", "if (false)", "AP-4.9: approved"),
    (AP, "envelope_checks.cpp", "return fail(\"as4.federation\", \"AP-4.9\", \"FEDERATIONID\", \"The envelope is of another federation.\");", "return {};", "AP-4.9: our federation"),
    (AP, "receiver.cpp", "if (copy == Copy::conflict) {", "if (false) {", "AP-6: other content under a known MessageId"),
    (AP, "receiver_checks.cpp", "if (!judged->conformant()) {", "if (false) {", "AP-4.7: conformant envelope"),
    (AP, "access.cpp", "if (id && client != clients.end() && client->second.contains(*id)) return id;", "if (id) return id;", "AP-31: who may act for whom"),
    (AP, "outbox.cpp", "if (envelope.from != participant) {", "if (false) {", "AP-31: FromParty of the message service"),
    (AP, "outbox.cpp", "if (served == nullptr || !served->approved) {", "if (false) {", "AP-3.2: approved"),
    (AP, "outbox.cpp", "if (!judged.conformant()) return not_conformant(judged.findings);", "", "AP-3.3: conformant envelope"),
    (AP, "forwarding.cpp", "if (!is_proxy) return {};", "", "AP-13: the header of the proxy alone"),
    (AP, "forwarding.cpp", "if (!trusted) return as_handshake(trusted.error());", "", "AP-13: what is handed on is judged"),
    (AP, "forwarding.cpp", "if (values.size() != 1) return no_certificate(", "if (values.empty()) return no_certificate(", "AP-13: one header"),
]


def link_command(library):
    out = subprocess.run(["ninja", "-C", str(BUILD), "-t", "commands", "-s", f"test_{library}"], capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1]
    words = shlex.split(out.split("&&")[1])
    return words, words.index("-o"), next(i for i, word in enumerate(words) if word.endswith(".o"))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="", help="part of a library, file or rule")
    options.add_argument("--table", help="file that gets the table's rows (appended)")
    options = options.parse_args()
    units = {unit["file"]: unit for unit in json.loads((BUILD / "compile_commands.json").read_text())}
    environment = {**os.environ, "BUDKAVLE_SHARED": str(ROOT / "tests" / "vectors"), "GTEST_FAIL_FAST": "1", "GTEST_BRIEF": "1"}
    lived, count = [], 0
    clean = set()
    with tempfile.TemporaryDirectory(prefix="budkavle-") as made:
        for number, ((library, tests), name, old, new, rule) in enumerate(MUTANTS):
            if options.only not in f"{library} {name} {rule}":
                continue
            unit = units[str(ROOT / "src" / library / name)]
            source = pathlib.Path(unit["file"]).read_text()
            if source.count(old) != 1:
                raise SystemExit(f"{library}/{name} holds {source.count(old)} times: {old}")
            if library not in clean:
                done = subprocess.run([str(BUILD / f"test_{library}"), f"--gtest_filter={tests}"], env=environment, capture_output=True, text=True, timeout=600)
                if done.returncode != 0:
                    raise SystemExit(f"the unbroken test_{library} fails: {done.stdout[-1500:]}")
                clean.add(library)
            changed, program = pathlib.Path(made) / name, pathlib.Path(made) / f"test-{number}"
            changed.write_text(source.replace(old, new))
            words = [word for word in shlex.split(unit["command"]) if word not in ("-Werror", "ccache", "/usr/bin/ccache")]
            words[words.index("-o") + 1] = f"{changed}.o"
            words[words.index("-c") + 1] = str(changed)
            done = subprocess.run([*words, "-w", "-O0", "-U_FORTIFY_SOURCE"], cwd=unit["directory"], capture_output=True, text=True)
            if done.returncode != 0:
                raise SystemExit(f"{rule}: the mutant does not compile: {done.stderr[-1500:]}")
            link, out, first = link_command(library)
            link[out + 1] = str(program)
            subprocess.run(link[:first] + [f"{changed}.o"] + link[first:], cwd=BUILD, check=True, capture_output=True)
            try:
                done = subprocess.run([str(program), f"--gtest_filter={tests}"], env=environment, capture_output=True, text=True, timeout=600)
                failed = [line.split("[  FAILED  ] ", 1)[1].split(",")[0].split(" ")[0] for line in done.stdout.splitlines() if line.startswith("[  FAILED  ] ") and "." in line]
                noticed = done.returncode != 0
            except subprocess.TimeoutExpired:
                failed, noticed = ["waits for ever"], True
            program.unlink()
            count += 1
            print(f"{'noticed' if noticed else 'LIVES'}  {library}/{name}: {rule}  {failed[0] if failed else ''}", flush=True)
            if options.table:
                with open(options.table, "a", encoding="utf-8") as table:
                    table.write(f"| {rule} | `{library}/{name}` | {'`' + failed[0] + '`' if failed else ('the program ends' if noticed else '**nobody**')} |\n")
            if not noticed:
                lived.append(rule)
    print(f"{count} mutants, {len(lived)} live: {lived}")
    sys.exit(1 if lived else 0)


if __name__ == "__main__":
    main()
