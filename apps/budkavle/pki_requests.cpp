// The desk of the PKI on the command line: requests, their approval by two persons, certificates and blocked keys.
#include "pki_requests.hpp"

#include <fmt/format.h>

#include "base/stream.hpp"
#include "ca/requests.hpp"
#include "serve.hpp"

namespace budkavle::app {
namespace {

struct Options {
    std::string config, who, id, ca, serial, profile, name, organisation, unit, file, out, reason, cause, note, key, state,
        search;
    std::vector<std::string> dns, ip;
    int days = 730;
    std::size_t offset = 0, limit = 50;
    bool json = false;
};
Options options;

struct Office : PkiOffice {
    std::unique_ptr<ca::Requests> desk;
};

Result<Office> office() {
    BUDKAVLE_TRY(auto pki, open_pki(options.config));
    auto desk = std::make_unique<ca::Requests>(*pki.authority);
    return Office{std::move(pki), std::move(desk)};
}

boost::json::object act(const std::optional<ca::Act>& one) {
    if (!one) return {};
    return {{"who", one->who}, {"at", format_utc(one->at)}, {"note", one->note}};
}

boost::json::object to_json(const ca::PkiRequest& one) {
    boost::json::array findings;
    for (const auto& reason : one.verdict.reasons) findings.push_back({{"rule", reason.rule}, {"text", reason.text}});
    return {{"id", one.id},
            {"kind", ca::name(one.kind)},
            {"state", ca::name(one.state)},
            {"ca", one.ca},
            {"commonName", one.order.common_name},
            {"organisation", one.order.organisation},
            {"unit", one.order.organisational_unit},
            {"claimed", one.verdict.subject},
            {"key", one.verdict.key},
            {"keySha256", one.key_sha256},
            {"findings", findings},
            {"ignored", boost::json::value_from(one.verdict.ignored)},
            {"serial", one.serial},
            {"issuedSerial", one.issued_serial},
            {"reason", one.reason},
            {"cause", one.cause},
            {"received", act(one.received)},
            {"verified", act(one.verified)},
            {"approved", act(one.approved)},
            {"closed", act(one.closed)},
            {"expires", format_utc(one.expires)}};
}

void print(const ca::PkiRequest& one) {
    if (options.json) {
        print_json(to_json(one));
        return;
    }
    fmt::print("{}  {}  {}  {}  {}  {}\n", one.id, ca::name(one.kind), ca::name(one.state), one.ca,
               one.order.common_name, one.order.organisation);
    if (!one.verdict.subject.empty()) fmt::print("  {}: {}\n", tr("claims", "uppger"), one.verdict.subject);
    if (!one.key_sha256.empty())
        fmt::print("  {}: {} {}\n", tr("key, to be read back", "nyckel, att läsas upp"), one.verdict.key, one.key_sha256);
    for (const auto& reason : one.verdict.reasons) fmt::print("  {} {}\n", reason.rule, reason.text);
}

Result<Exit> shown(Result<ca::PkiRequest> done) {
    if (!done) return std::unexpected(std::move(done).error());
    print(*done);
    return done->state == ca::RequestState::rejected && !done->verdict.issuable() ? Exit::no : Exit::yes;
}

Result<Exit> submit() {
    BUDKAVLE_TRY(auto desk, office());
    BUDKAVLE_TRY(const auto octets, text_of(options.file));
    const auto profile = ca::profile_from(options.profile);
    if (!profile) return fail("usage.profile", {}, "--profile", "Not a profile of a certificate.");
    const ca::Order order{.profile = *profile,
                          .common_name = options.name,
                          .organisation = options.organisation,
                          .organisational_unit = options.unit,
                          .serial_number = {},
                          .dns_names = options.dns,
                          .ip_addresses = options.ip,
                          .validity = std::chrono::days(options.days)};
    return shown(desk.desk->submit(options.who, options.ca, order, as_bytes(octets)));
}

Result<Exit> renew() {
    BUDKAVLE_TRY(auto desk, office());
    BUDKAVLE_TRY(const auto octets, text_of(options.file));
    return shown(desk.desk->submit_renewal(options.who, options.ca, options.serial, as_bytes(octets)));
}

Result<Exit> deliver() {
    BUDKAVLE_TRY(auto desk, office());
    BUDKAVLE_TRY(const auto made, desk.desk->issue(options.who, options.id));
    BUDKAVLE_TRY(const auto request, desk.desk->get(options.id));
    BUDKAVLE_TRY(const auto pem, desk.authority->chain_pem(request.ca, made.serial_decimal()));
    if (options.out.empty()) {
        fmt::print("{}", pem);
    } else {
        BUDKAVLE_CHECK(write_file_atomic(options.out, as_bytes(pem), 0644));
    }
    return Exit::yes;
}

Result<Exit> list_requests() {
    BUDKAVLE_TRY(auto desk, office());
    ca::RequestFilter filter{.ca = options.ca, .organisation = options.organisation};
    if (!options.state.empty()) {
        filter.state = ca::request_state_from(options.state);
        if (!filter.state) return fail("usage.state", {}, "--state", "Not a state of a request.");
    }
    BUDKAVLE_TRY(const auto page, desk.desk->list(filter, {options.offset, options.limit}));
    if (options.json) {
        boost::json::array rows;
        for (const auto& one : page.rows) rows.push_back(to_json(one));
        print_json({{"total", page.total}, {"requests", rows}});
    } else {
        for (const auto& one : page.rows) print(one);
    }
    return Exit::yes;
}

Result<Exit> list_certificates() {
    BUDKAVLE_TRY(auto desk, office());
    ca::CertificateFilter filter{.ca = options.ca, .organisation = options.organisation, .search = options.search};
    for (const auto state : {ca::CertificateState::valid, ca::CertificateState::revoked, ca::CertificateState::expired}) {
        if (ca::name(state) == options.state) filter.state = state;
    }
    if (!options.state.empty() && !filter.state)
        return fail("usage.state", {}, "--state", "Not a state of a certificate: valid, revoked or expired.");
    BUDKAVLE_TRY(const auto page, desk.authority->certificates(filter, {options.offset, options.limit}));
    const auto now = system_clock().now();
    boost::json::array rows;
    for (const auto& one : page.rows) {
        const auto end = format_utc(one.certificate.not_after());
        if (options.json) {
            rows.push_back({{"ca", one.ca},
                            {"serial", one.certificate.serial_decimal()},
                            {"profile", one.profile},
                            {"commonName", one.common_name},
                            {"organisation", one.organisation},
                            {"state", ca::name(ca::state_of(one, now))},
                            {"reason", one.revocation ? one.revocation->reason : ""},
                            {"notAfter", end},
                            {"sha256", one.certificate.sha256_hex()}});
        } else {
            fmt::print("{}  {:<8} {}  {}  {}  {}  {}\n", end.substr(0, 10), ca::name(ca::state_of(one, now)), one.ca,
                       one.certificate.serial_decimal(), one.profile, one.common_name, one.organisation);
        }
    }
    if (options.json) print_json({{"total", page.total}, {"certificates", rows}});
    return Exit::yes;
}

Result<Exit> list_blocked() {
    BUDKAVLE_TRY(auto desk, office());
    BUDKAVLE_TRY(const auto keys, desk.authority->blocked_keys({options.offset, options.limit}));
    for (const auto& one : keys) fmt::print("{}  {}  {}  {}\n", one.key_sha256, format_utc(one.at), one.who, one.why);
    return Exit::yes;
}

CLI::App& command_of(CLI::App& pki, const char* name, std::string_view english, std::string_view swedish, bool act) {
    auto& one = *pki.add_subcommand(name, std::string(tr(english, swedish)));
    one.add_option("--config", options.config, "configuration with the role [ca]")->required();
    if (act)
        one.add_option("--who", options.who,
                       std::string(tr("who does it, for the audit log", "vem som gör det, för säkerhetsloggen")))
            ->required();
    one.add_flag("--json", options.json);
    return one;
}

void paged(CLI::App& one) {
    one.add_option("--ca", options.ca);
    one.add_option("--organisation", options.organisation);
    one.add_option("--state", options.state);
    one.add_option("--offset", options.offset);
    one.add_option("--limit", options.limit);
}

void add_submissions(CLI::App& pki, Exit& exit) {
    auto& request = command_of(pki, "request", "Take in a request for a certificate (PKCS#10 or self-signed certificate)",
                               "Ta emot en begäran om certifikat (PKCS#10 eller självsignerat certifikat)", true);
    request.add_option("FILE", options.file)->required();
    request.add_option("--ca", options.ca)->required();
    request.add_option("--profile", options.profile)->required();
    request.add_option("--name", options.name, "CN")->required();
    request.add_option("--organisation", options.organisation)->required();
    request.add_option("--unit", options.unit);
    request.add_option("--dns", options.dns);
    request.add_option("--ip", options.ip);
    request.add_option("--days", options.days);
    on(request, exit, submit);
    auto& renewal = command_of(pki, "renew", "Take in a request with a new key for the holder of a certificate",
                               "Ta emot en begäran med ny nyckel för innehavaren av ett certifikat", true);
    renewal.add_option("FILE", options.file)->required();
    renewal.add_option("--ca", options.ca)->required();
    renewal.add_option("--serial", options.serial, "decimal")->required();
    on(renewal, exit, renew);
    auto& revocation = command_of(pki, "revoke-request", "Ask for a revocation; another person approves it",
                                  "Begär en spärr; en annan person godkänner den", true);
    revocation.add_option("--ca", options.ca)->required();
    revocation.add_option("--serial", options.serial, "decimal")->required();
    revocation.add_option("--reason", options.reason, "keyCompromise, superseded, …")->required();
    revocation.add_option("--cause", options.cause)->required();
    on(revocation, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto desk, office());
        return shown(desk.desk->submit_revocation(options.who, options.ca, options.serial, options.reason, options.cause));
    });
}

void add_decisions(CLI::App& pki, Exit& exit) {
    const auto with_id = [&](CLI::App& one, bool note) -> CLI::App& {
        one.add_option("--id", options.id)->required();
        if (note) one.add_option("--note", options.note)->required();
        return one;
    };
    auto& verify = with_id(command_of(pki, "verify", "The applicant was reached by the registered channel and read the key back",
                                      "Sökanden nåddes via registrerad kontaktväg och läste upp nyckeln", true), true);
    verify.add_option("--fingerprint", options.key, "SHA-256")->required();
    on(verify, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto desk, office());
        return shown(desk.desk->verify(options.who, options.id, options.key, options.note));
    });
    auto& approve = with_id(command_of(pki, "approve", "Approve as the second person; carries out a revocation",
                                       "Godkänn som andra person; verkställer en spärr", true), true);
    on(approve, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto desk, office());
        return shown(desk.desk->approve(options.who, options.id, options.note));
    });
    auto& reject = with_id(command_of(pki, "reject", "Reject a request", "Avslå en begäran", true), true);
    on(reject, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto desk, office());
        BUDKAVLE_TRY(const auto done, desk.desk->reject(options.who, options.id, options.note));
        print(done);
        return Exit::yes;
    });
    auto& delivery = with_id(command_of(pki, "deliver", "Issue what is approved, and give the chain in PEM",
                                        "Utfärda det godkända och lämna ut kedjan i PEM", true), false);
    delivery.add_option("--out", options.out);
    on(delivery, exit, deliver);
}

}  // namespace

void add_pki_requests(CLI::App& pki, Exit& exit) {
    add_submissions(pki, exit);
    add_decisions(pki, exit);
    auto& requests = command_of(pki, "requests", "List requests", "Lista begäranden", false);
    paged(requests);
    on(requests, exit, list_requests);
    auto& certificates = command_of(pki, "certificates", "List and search certificates", "Lista och sök certifikat", false);
    paged(certificates);
    certificates.add_option("--search", options.search);
    on(certificates, exit, list_certificates);
    auto& chain = command_of(pki, "chain", "A certificate and those above it, in PEM", "Ett certifikat och de ovanför, i PEM", false);
    chain.add_option("--ca", options.ca)->required();
    chain.add_option("--serial", options.serial)->required();
    on(chain, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto desk, office());
        BUDKAVLE_TRY(const auto pem, desk.authority->chain_pem(options.ca, options.serial));
        fmt::print("{}", pem);
        return Exit::yes;
    });
    auto& block = command_of(pki, "block-key", "Never certify this key", "Certifiera aldrig denna nyckel", true);
    block.add_option("--key", options.key, "SHA-256 of the SubjectPublicKeyInfo")->required();
    block.add_option("--why", options.note)->required();
    on(block, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(auto desk, office());
        BUDKAVLE_CHECK(desk.authority->block_key(options.who, options.key, options.note));
        return Exit::yes;
    });
    auto& blocked = command_of(pki, "blocked-keys", "List blocked keys", "Lista spärrade nycklar", false);
    blocked.add_option("--offset", options.offset);
    blocked.add_option("--limit", options.limit);
    on(blocked, exit, list_blocked);
}

}  // namespace budkavle::app
