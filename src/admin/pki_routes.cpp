#include "admin/route_table.hpp"
#include "ca/requests.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

constexpr Roles kOfficers = Role::pki_officer;
constexpr Roles kReaders = Role::pki_officer | Role::auditor | Role::federation_owner | Role::system_administrator;

/// The person, not the account: two accounts of one person are not two persons (`pki.md` 5.2, FED-04).
std::string who(const Context& c) {
    return c.actor.person;
}

std::vector<std::string> profiles() {
    std::vector<std::string> names;
    for (const auto one :
         {ca::Profile::access_point, ca::Profile::smp_signing, ca::Profile::tls_function,
          ca::Profile::organisation_sign, ca::Profile::organisation_encrypt, ca::Profile::organisation_both})
        names.emplace_back(ca::name(one));
    return names;
}

Schema act_schema() {
    return Schema::object({{"who", short_text()}, {"at", Schema::time()}, {"note", short_text(2000)}});
}
Schema request_schema() {
    return Schema::object(
        {{"id", Schema::uuid()},
         {"kind", Schema::choice({"issue", "renew", "revoke"})},
         {"state", Schema::choice({"received", "verified", "approved", "issued", "revoked", "rejected", "expired"})},
         {"ca", short_text()},
         {"profile", short_text()},
         {"commonName", short_text()},
         {"organisation", short_text()},
         {"keySha256", Schema::text(0, 64, Schema::Text::sha256), true, "to be read back by the applicant"},
         {"key", short_text()},
         {"claimedSubject", short_text(2000)},
         {"findings", Schema::list(Schema::object({{"rule", short_text()}, {"text", short_text(1000)}}))},
         {"ignored", Schema::list(short_text())},
         {"serial", short_text()},
         {"issuedSerial", short_text()},
         {"crlReason", short_text()},
         {"cause", short_text(2000)},
         {"received", act_schema()},
         optional("verified", act_schema()),
         optional("approved", act_schema()),
         optional("closed", act_schema()),
         {"expires", Schema::time()}});
}
Schema certificate_schema() {
    return Schema::object({{"ca", short_text()},
                           {"serial", short_text()},
                           {"profile", short_text()},
                           {"commonName", short_text()},
                           {"organisation", short_text()},
                           {"sha256", sha256_text()},
                           {"notBefore", Schema::time()},
                           {"notAfter", Schema::time()},
                           {"issued", Schema::time()},
                           {"state", Schema::choice({"valid", "revoked", "expired"})},
                           optional("revoked", Schema::time()),
                           optional("crlReason", short_text()),
                           optional("cause", short_text(2000))});
}

json::object to_json(const ca::Act& act) {
    return {{"who", act.who}, {"at", format_utc(act.at)}, {"note", act.note}};
}
json::object to_json(const ca::PkiRequest& one) {
    json::array findings;
    for (const auto& reason : one.verdict.reasons) findings.push_back({{"rule", reason.rule}, {"text", reason.text}});
    json::object out{{"id", one.id},
                     {"kind", ca::name(one.kind)},
                     {"state", ca::name(one.state)},
                     {"ca", one.ca},
                     {"profile", ca::name(one.order.profile)},
                     {"commonName", one.order.common_name},
                     {"organisation", one.order.organisation},
                     {"keySha256", one.key_sha256},
                     {"key", one.verdict.key},
                     {"claimedSubject", one.verdict.subject},
                     {"findings", std::move(findings)},
                     {"ignored", json::value_from(one.verdict.ignored)},
                     {"serial", one.serial},
                     {"issuedSerial", one.issued_serial},
                     {"crlReason", one.reason},
                     {"cause", one.cause},
                     {"received", to_json(one.received)},
                     {"expires", format_utc(one.expires)}};
    if (one.verified) out["verified"] = to_json(*one.verified);
    if (one.approved) out["approved"] = to_json(*one.approved);
    if (one.closed) out["closed"] = to_json(*one.closed);
    return out;
}
json::object to_json(const ca::IssuedRecord& one, Time now) {
    json::object out{{"ca", one.ca},
                     {"serial", one.certificate.serial_decimal()},
                     {"profile", one.profile},
                     {"commonName", one.common_name},
                     {"organisation", one.organisation},
                     {"sha256", one.certificate.sha256_hex()},
                     {"notBefore", format_utc(one.certificate.not_before())},
                     {"notAfter", format_utc(one.certificate.not_after())},
                     {"issued", format_utc(one.issued)},
                     {"state", ca::name(ca::state_of(one, now))}};
    if (one.revocation) {
        out["revoked"] = format_utc(one.revocation->at);
        out["crlReason"] = one.revocation->reason;
        out["cause"] = one.revocation->cause;
    }
    return out;
}

Result<Answer> answer_of(Context& c, const ca::PkiRequest& one, json::value old_state = nullptr) {
    c.about("pki-request", one.id);
    c.changed(std::move(old_state),
              {{"state", ca::name(one.state)}, {"commonName", one.order.common_name}, {"key", one.key_sha256}});
    return Answer{.body = to_json(one), .location = "/pki/requests/" + one.id};
}

ca::Order order_in(const Context& c) {
    ca::Order order;
    order.profile = *ca::profile_from(c.text("profile"));
    order.common_name = c.text("commonName");
    order.organisation = c.text("organisation");
    order.organisational_unit = c.text("organisationalUnit");
    order.serial_number = c.text("serialNumber");
    order.dns_names = c.texts("dnsNames");
    order.ip_addresses = c.texts("ipAddresses");
    order.validity = std::chrono::days(c.number("validityDays", order.validity.count()));
    return order;
}

Result<ca::CertificateFilter> filter_in(const Context& c) {
    ca::CertificateFilter filter{.ca = c.asked("ca"),
                                 .profile = c.asked("profile"),
                                 .organisation = c.asked("organisation"),
                                 .common_name = c.asked("commonName"),
                                 .search = c.asked("search")};
    for (const auto state : {ca::CertificateState::valid, ca::CertificateState::revoked, ca::CertificateState::expired})
        if (c.asked("state") == ca::name(state)) filter.state = state;
    if (!c.asked("endsBefore").empty()) {
        BUDKAVLE_TRY(filter.ends_before, parse_time(c.asked("endsBefore")));
    }
    return filter;
}

/// One cell of CSV. A cell that a spreadsheet would take for a formula gets an apostrophe (`directory-design.md` 7.3).
std::string cell(std::string_view text) {
    std::string out = "\"";
    if (!text.empty() && std::string_view("=+-@\t\r").contains(text.front())) out += '\'';
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + "\"";
}

Result<Answer> export_csv(ca::Authority& authority, const Context& c) {
    BUDKAVLE_TRY(const auto filter, filter_in(c));
    std::string out = "ca,serial,profile,commonName,organisation,sha256,notBefore,notAfter,state\r\n";
    constexpr std::size_t kAtOnce = 500;
    constexpr std::size_t kMost = 100'000;
    for (std::size_t offset = 0; offset < kMost; offset += kAtOnce) {
        BUDKAVLE_TRY(const auto page, authority.certificates(filter, {.offset = offset, .limit = kAtOnce}));
        for (const auto& row : page.rows) {
            const auto one = to_json(row, c.now);
            std::string line;
            for (const auto* name : {"ca", "serial", "profile", "commonName", "organisation", "sha256", "notBefore",
                                     "notAfter", "state"}) {
                const auto& text = one.at(name).as_string();
                line += (line.empty() ? "" : ",") + cell({text.data(), text.size()});
            }
            out += line + "\r\n";
        }
        if (page.rows.size() < kAtOnce) break;
    }
    return Answer{.body = nullptr, .content_type = "text/csv; charset=utf-8", .octets = std::move(out)};
}

}  // namespace

Routes pki_routes(const Services& services) {
    auto* authority = services.authority;
    auto desk = std::make_shared<ca::Requests*>(services.requests);
    const auto read = [](const char* what) { return Permission(what, Action::read, Reach::installation, kReaders); };
    const auto act = [](const char* what, Action action) {
        return Permission(what, action, Reach::installation, kOfficers);
    };
    const auto filters = [](Route& route) -> Route& {
        return route.asks("ca", short_text())
            .asks("profile", Schema::choice(profiles()))
            .asks("organisation", short_text())
            .asks("commonName", short_text())
            .asks("search", short_text(), "part of name, organisation, serial number or fingerprint")
            .asks("state", Schema::choice({"valid", "revoked", "expired"}))
            .asks("endsBefore", Schema::time());
    };
    RouteTable t("/pki");
    t.get("/cas", "pki.cas", {"List the certificate authorities", "Lista certifikatutfärdare"}, read("ca"))
        .paged()
        .returns(Schema::page_of(Schema::object({{"id", short_text()},
                                                 {"purpose", short_text()},
                                                 {"parent", short_text()},
                                                 {"subject", short_text(1000)},
                                                 {"sha256", sha256_text()},
                                                 {"notAfter", Schema::time()},
                                                 {"crlNumber", Schema::integer()}})))
        .does([authority](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto all, authority->cas());
            return Answer{.body = page_of(c, list_of(all, [](const ca::CaRecord& one) {
                                              return json::object{
                                                  {"id", one.id},
                                                  {"purpose", ca::name(one.purpose)},
                                                  {"parent", one.parent},
                                                  {"subject", one.certificate.subject()},
                                                  {"sha256", one.certificate.sha256_hex()},
                                                  {"notAfter", format_utc(one.certificate.not_after())},
                                                  {"crlNumber", static_cast<std::int64_t>(one.crl_number)}};
                                          }))};
        });
    t.get("/requests", "pki.requests",
          {"List requests for certificates and revocations", "Lista ansökningar om certifikat och spärrar"},
          read("pki-request"))
        .paged()
        .asks("ca", short_text())
        .asks("organisation", short_text())
        .asks("kind", Schema::choice({"issue", "renew", "revoke"}))
        .asks("state", Schema::choice({"received", "verified", "approved", "issued", "revoked", "rejected", "expired"}))
        .returns(Schema::page_of(request_schema()))
        .does([desk](Context& c) -> Result<Answer> {
            const ca::RequestFilter filter{.ca = c.asked("ca"),
                                           .organisation = c.asked("organisation"),
                                           .kind = ca::request_kind_from(c.asked("kind")),
                                           .state = ca::request_state_from(c.asked("state"))};
            BUDKAVLE_TRY(const auto page, (*desk)->list(filter, {.offset = static_cast<std::size_t>(c.page.offset),
                                                                 .limit = static_cast<std::size_t>(c.page.limit)}));
            return Answer{.body = page_of(c, list_of(page.rows, [](const ca::PkiRequest& one) { return to_json(one); }),
                                          static_cast<std::int64_t>(page.total))};
        });
    t.get("/requests/{request}", "pki.request", {"Show a request with its verdict", "Visa en ansökan med bedömning"},
          read("pki-request"))
        .returns(request_schema())
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one, (*desk)->get(c.parameter("request")));
            return Answer{.body = to_json(one)};
        });
    t.post("/requests", "pki.submit",
           {"Hand in a certificate request; it is judged at once", "Lämna in en certifikatansökan; den bedöms genast"},
           act("pki-request", Action::create))
        .takes(Schema::object(
            {{"ca", Schema::token(40)},
             {"profile", Schema::choice(profiles())},
             {"commonName", Schema::text(1, 64)},
             {"organisation", Schema::text(1, 64)},
             optional("organisationalUnit", Schema::text(1, 64)),
             optional("serialNumber", Schema::text(1, 64)),
             optional("dnsNames", Schema::list(Schema::token(253), 20)),
             optional("ipAddresses", Schema::list(Schema::token(45), 20)),
             optional("validityDays", Schema::integer(1, 1100)),
             {"request", pem_text(), true, "PKCS#10 or a self-signed certificate, PEM; only its key is used"}}))
        .returns(request_schema(), 201)
        .idempotent()
        .judges_keys()
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one,
                         (*desk)->submit(who(c), c.text("ca"), order_in(c), as_bytes(c.text("request"))));
            return answer_of(c, one);
        });
    t.post("/requests/{request}/verification", "pki.verify",
           {"Confirm that the applicant read the key's fingerprint back",
            "Bekräfta att sökanden läst upp nyckelns fingeravtryck"},
           act("pki-request", Action::decide))
        .takes(Schema::object(
            {{"keySha256", Schema::text(64, 128)}, {"note", Schema::text(1, 1000), true, "how it was checked"}}))
        .returns(request_schema())
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one,
                         (*desk)->verify(who(c), c.parameter("request"), c.text("keySha256"), c.text("note")));
            return answer_of(c, one, {{"state", "received"}});
        });
    t.post("/requests/{request}/approval", "pki.approve",
           {"Approve a request that others handed in and verified; carries out revocations",
            "Godkänn en ansökan som andra lämnat in och kontrollerat; verkställer spärrar"},
           act("pki-request", Action::decide))
        .takes(Schema::object({{"note", Schema::text(1, 1000), true, "what was checked"}}))
        .returns(request_schema())
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one, (*desk)->approve(who(c), c.parameter("request"), c.text("note")));
            return answer_of(c, one);
        });
    t.post("/requests/{request}/certificate", "pki.issue",
           {"Issue the certificate of an approved request", "Utfärda certifikatet för en godkänd ansökan"},
           act("certificate", Action::execute))
        .returns(Schema::object({{"serial", short_text()},
                                 {"sha256", sha256_text()},
                                 {"notAfter", Schema::time()},
                                 {"certificate", pem_text()}}))
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto made, (*desk)->issue(who(c), c.parameter("request")));
            const json::object facts{{"serial", made.serial_decimal()},
                                     {"sha256", made.sha256_hex()},
                                     {"notAfter", format_utc(made.not_after())}};
            c.changed(nullptr, facts);
            auto body = facts;
            body["certificate"] = made.pem();
            return Answer{.body = std::move(body)};
        });
    t.post("/requests/{request}/rejection", "pki.reject", {"Reject a request", "Avslå en ansökan"},
           act("pki-request", Action::decide))
        .returns(request_schema())
        .explained()
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one, (*desk)->reject(who(c), c.parameter("request"), c.reason));
            return answer_of(c, one);
        });
    filters(t.get("/certificates", "pki.certificates",
                  {"List and search issued certificates", "Lista och sök bland utfärdade certifikat"},
                  read("certificate")))
        .paged()
        .returns(Schema::page_of(certificate_schema()))
        .does([authority](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto filter, filter_in(c));
            BUDKAVLE_TRY(const auto page,
                         authority->certificates(filter, {.offset = static_cast<std::size_t>(c.page.offset),
                                                          .limit = static_cast<std::size_t>(c.page.limit)}));
            return Answer{.body = page_of(
                              c, list_of(page.rows, [&c](const ca::IssuedRecord& one) { return to_json(one, c.now); }),
                              static_cast<std::int64_t>(page.total))};
        });
    filters(t.get("/certificate-export", "pki.export",
                  {"Export issued certificates as CSV", "Exportera utfärdade certifikat som CSV"}, read("certificate")))
        .returns_text("text/csv")
        .does([authority](Context& c) { return export_csv(*authority, c); });
    t.get("/certificates/{ca}/{serial}", "pki.certificate",
          {"Show an issued certificate", "Visa ett utfärdat certifikat"}, read("certificate"))
        .returns(certificate_schema())
        .does([authority](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one, authority->certificate(c.parameter("ca"), c.parameter("serial")));
            return Answer{.body = to_json(one, c.now)};
        });
    t.get("/certificates/{ca}/{serial}/chain", "pki.chain",
          {"Fetch a certificate with its issuers, PEM", "Hämta ett certifikat med utfärdare, PEM"}, read("certificate"))
        .returns_text("application/pem-certificate-chain")
        .does([authority](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(auto pem, authority->chain_pem(c.parameter("ca"), c.parameter("serial")));
            return Answer{
                .body = nullptr, .content_type = "application/pem-certificate-chain", .octets = std::move(pem)};
        });
    t.post("/certificates/{ca}/{serial}/renewal", "pki.renew",
           {"Hand in the request for a renewal with a new key", "Lämna in ansökan om förnyelse med ny nyckel"},
           act("pki-request", Action::create))
        .takes(Schema::object({{"request", pem_text()}}))
        .returns(request_schema(), 201)
        .idempotent()
        .judges_keys()
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one, (*desk)->submit_renewal(who(c), c.parameter("ca"), c.parameter("serial"),
                                                                 as_bytes(c.text("request"))));
            return answer_of(c, one);
        });
    t.post("/certificates/{ca}/{serial}/revocation", "pki.revoke",
           {"Propose a revocation; another officer approves it", "Föreslå en spärr; en annan handläggare godkänner"},
           act("pki-request", Action::create))
        .takes(
            Schema::object({{"crlReason", Schema::choice({"unspecified", "keyCompromise", "affiliationChanged",
                                                          "superseded", "cessationOfOperation", "privilegeWithdrawn"})},
                            {"cause", Schema::text(1, 1000), true, "what the investigation found"}}))
        .returns(request_schema(), 201)
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto one, (*desk)->submit_revocation(who(c), c.parameter("ca"), c.parameter("serial"),
                                                                    c.text("crlReason"), c.text("cause")));
            return answer_of(c, one);
        });
    t.get("/blocked-keys", "pki.blocked-keys",
          {"List keys that are never certified", "Lista nycklar som aldrig får certifikat"}, read("key"))
        .asks("offset", Schema::integer())
        .returns(Schema::object({{"items", Schema::list(Schema::object({{"keySha256", sha256_text()},
                                                                        {"who", short_text()},
                                                                        {"why", short_text(1000)},
                                                                        {"at", Schema::time()}}))}}))
        .does([authority](Context& c) -> Result<Answer> {
            const auto offset = c.asked("offset").empty() ? 0 : std::stoul(c.asked("offset"));
            BUDKAVLE_TRY(const auto all, authority->blocked_keys({.offset = offset, .limit = 500}));
            return Answer{.body = json::object{{"items", list_of(all, [](const ca::BlockedKey& one) {
                                                    return json::object{{"keySha256", one.key_sha256},
                                                                        {"who", one.who},
                                                                        {"why", one.why},
                                                                        {"at", format_utc(one.at)}};
                                                })}}};
        });
    t.post("/blocked-keys", "pki.block-key", {"Block a key for ever", "Spärra en nyckel för alltid"},
           act("key", Action::create))
        .takes(Schema::object({{"keySha256", sha256_text(), true, "of the SubjectPublicKeyInfo"}}))
        .returns_nothing()
        .explained()
        .does([authority](Context& c) -> Result<Answer> {
            c.about("key", c.text("keySha256"));
            BUDKAVLE_CHECK(authority->block_key(who(c), c.text("keySha256"), c.reason));
            return Answer{};
        });
    return t.take();
}

}  // namespace budkavle::admin
