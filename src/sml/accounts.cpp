#include <algorithm>

#include "crypto/trust.hpp"
#include "sml/register_state.hpp"

namespace budkavle::sml {
namespace {

std::unexpected<Error> certificate_error(std::string_view text, std::string_view remedy = {}) {
    return fail("sml.certificate", "FED-07", "certificate", text, remedy);
}

/// Issued directly by the sub-domain's CA, with a subject that its expression matches. Revocation is judged by TLS.
bool issued_for(const DomainRules& rules, const crypto::Certificate& certificate, Time now) {
    if (rules.authorisation != Authorisation::issuer || !rules.issuer) return false;
    const crypto::TrustStore store(crypto::Purpose::tls_client, {*rules.issuer});
    const crypto::CrlStore none;
    crypto::TrustPolicy policy;
    policy.at = now;
    policy.revocation = crypto::RevocationPolicy::when_present;
    policy.anchor_must_issue = true;
    return store.check(certificate, {}, none, policy).has_value() &&
           matches(rules.subject_pattern, certificate.subject());
}

Result<Account::Credential> credential_of(ByteView der, bool planned, std::int64_t valid_from) {
    BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(der));
    return Account::Credential{certificate.sha256_hex(), certificate.subject(),
                               certificate.issuer(),     certificate.serial_decimal(),
                               certificate.not_after(),  planned,
                               time_of(valid_from),      certificate};
}

Result<Account> read_account(Transaction& tx, const std::string& id) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT id, domain, blocked FROM sml_accounts WHERE id = ?1", {id}));
    if (rows.empty()) return fail("sml.account_unknown", "FED-07", "account", "The locator has no such account.");
    Account out{rows.front().text(0), rows.front().text(1), rows.front().integer(2) != 0};
    BUDKAVLE_TRY(const auto credentials,
                 tx.query("SELECT der, planned, valid_from FROM sml_credentials WHERE account = ?1 ORDER BY planned, "
                          "valid_from, sha256",
                          {id}));
    for (const auto& row : credentials) {
        BUDKAVLE_TRY(auto credential, credential_of(row.blob(0), row.integer(1) != 0, row.integer(2)));
        out.credentials.push_back(std::move(credential));
    }
    return out;
}

Result<> insert_credential(Change& change, const std::string& account, const crypto::Certificate& certificate,
                           bool planned, std::int64_t valid_from) {
    BUDKAVLE_TRY(const auto rows, change.tx().query("SELECT account FROM sml_credentials WHERE sha256 = ?1",
                                                    {certificate.sha256_hex()}));
    if (!rows.empty() && rows.front().text(0) != account)
        return certificate_error("The certificate belongs to another account.");
    BUDKAVLE_CHECK(change.tx().execute(
        "INSERT INTO sml_credentials(sha256, account, der, planned, valid_from) VALUES(?1, ?2, ?3, ?4, ?5) ON "
        "CONFLICT(sha256) DO UPDATE SET planned = excluded.planned, valid_from = excluded.valid_from",
        {certificate.sha256_hex(), account, certificate.der(), std::int64_t{planned}, valid_from}));
    return {};
}

/// What a certificate is to the register.
struct Found {
    std::optional<Account> account;
    bool refused = false;  ///< known, but not to be used now
};
Result<Found> find_by_certificate(Transaction& tx, const crypto::Certificate& certificate, std::int64_t now) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT account, planned, valid_from FROM sml_credentials WHERE sha256 = ?1",
                                           {certificate.sha256_hex()}));
    if (rows.empty()) return Found{};
    BUDKAVLE_TRY(auto account, read_account(tx, rows.front().text(0)));
    const bool planned = rows.front().integer(1) != 0;
    const bool early = planned && now < rows.front().integer(2);
    // From its moment on the prepared certificate stands alone, whether or not the change was executed yet.
    const bool replaced = !planned && std::ranges::any_of(account.credentials, [&](const auto& credential) {
        return credential.planned && stamp(credential.valid_from) <= now;
    });
    const bool refused = early || replaced || account.blocked;
    return Found{std::move(account), refused};
}

}  // namespace

Result<> check_credential(const DomainRules& rules, const crypto::Certificate& certificate, Time now) {
    if (certificate.not_after() <= now) return certificate_error("The certificate has expired.");
    if (certificate.is_ca()) return certificate_error("The certificate is that of a CA.");
    if (rules.authorisation == Authorisation::issuer &&
        !issued_for(rules, certificate, std::max(now, certificate.not_before())))
        return certificate_error("The certificate is not one that the sub-domain accepts.",
                                 "It must come from the sub-domain's CA, with a subject of the agreed form.");
    return {};
}

Result<> Register::add_account(const Caller& caller, const std::string& id, const std::string& domain,
                               const crypto::Certificate& certificate) {
    return state_->change(
        caller, "sml.account.added", {{"subject", id}, {"certificateSha256", certificate.sha256_hex()}},
        [&](Change& change) -> Result<> {
            BUDKAVLE_CHECK(need_administration(caller));
            if (id.empty() || id.size() > 60 || !std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; }))
                return request_error("account", "The name of an account is 1 to 60 printable characters.");
            BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), domain));
            BUDKAVLE_CHECK(check_credential(rules, certificate, time_of(change.now())));
            if (const auto there = read_account(change.tx(), id)) {
                const bool same =
                    there->domain == rules.zone && std::ranges::any_of(there->credentials, [&](const auto& credential) {
                        return credential.sha256 == certificate.sha256_hex();
                    });
                if (!same) return fail("sml.duplicate", "FED-07", "account", "The account exists already.");
                change.already(id);
                return {};
            }
            BUDKAVLE_CHECK(change.tx().execute("INSERT INTO sml_accounts(id, domain, blocked) VALUES(?1, ?2, 0)",
                                               {id, rules.zone}));
            return insert_credential(change, id, certificate, false, change.now());
        });
}

Result<> Register::block_account(const Caller& caller, const std::string& id, bool blocked) {
    return state_->change(caller, blocked ? "sml.account.blocked" : "sml.account.unblocked", {{"subject", id}},
                          [&](Change& change) -> Result<> {
                              BUDKAVLE_CHECK(need_administration(caller));
                              BUDKAVLE_CHECK(read_account(change.tx(), id));
                              BUDKAVLE_CHECK(change.tx().execute("UPDATE sml_accounts SET blocked = ?2 WHERE id = ?1",
                                                                 {id, std::int64_t{blocked}}));
                              return {};
                          });
}

Result<> Register::remove_account(const Caller& caller, const std::string& id) {
    return state_->change(caller, "sml.account.removed", {{"subject", id}}, [&](Change& change) -> Result<> {
        BUDKAVLE_CHECK(need_administration(caller));
        BUDKAVLE_TRY(const auto used,
                     change.tx().query("SELECT 1 FROM sml_publishers WHERE account = ?1 LIMIT 1", {id}));
        if (!used.empty())
            return fail("sml.in_use", "FED-07", "account", "The account has SMPs.", "Delete or migrate them first.");
        BUDKAVLE_TRY(const auto removed, change.tx().execute("DELETE FROM sml_accounts WHERE id = ?1", {id}));
        if (removed == 0) change.already(id);
        return {};
    });
}

Result<> Register::change_certificate(const Caller& caller, const std::string& id,
                                      const crypto::Certificate& certificate) {
    return state_->change(
        caller, "sml.account.certificate", {{"subject", id}, {"certificateSha256", certificate.sha256_hex()}},
        [&](Change& change) -> Result<> {
            BUDKAVLE_CHECK(need_administration(caller));
            BUDKAVLE_TRY(const auto account, read_account(change.tx(), id));
            BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), account.domain));
            BUDKAVLE_CHECK(check_credential(rules, certificate, time_of(change.now())));
            BUDKAVLE_CHECK(insert_credential(change, id, certificate, false, change.now()));
            BUDKAVLE_CHECK(change.tx().execute("DELETE FROM sml_credentials WHERE account = ?1 AND sha256 <> ?2",
                                               {id, certificate.sha256_hex()}));
            return {};
        });
}

Result<> Register::prepare_certificate(const Caller& caller, const crypto::Certificate& certificate,
                                       std::optional<Time> at) {
    return state_->change(
        caller, "sml.account.certificate_prepared", {{"certificateSha256", certificate.sha256_hex()}},
        [&](Change& change) -> Result<> {
            if (!caller.account) return unauthorised("Only an account can prepare its own next certificate.");
            BUDKAVLE_TRY(const auto account, read_account(change.tx(), *caller.account));
            BUDKAVLE_TRY(const auto rules, read_domain(change.tx(), account.domain));
            const auto now = time_of(change.now());
            const auto when = at.value_or(std::max(certificate.not_before(), now + std::chrono::hours(24)));
            if (when <= now) return request_error("migrationDate", "The date of the change is not in the future.");
            if (when < certificate.not_before() || when >= certificate.not_after())
                return request_error("migrationDate", "The new certificate is not valid at the date of the change.");
            const auto current = std::ranges::find(account.credentials, false, &Account::Credential::planned);
            if (current != account.credentials.end() && when > current->not_after)
                return request_error("migrationDate", "The present certificate ends before the date of the change.");
            if (current != account.credentials.end() && current->sha256 == certificate.sha256_hex())
                return request_error("newCertificatePublicKey", "This is the present certificate.");
            BUDKAVLE_CHECK(check_credential(rules, certificate, now));
            // One prepared change per account: the latest counts.
            BUDKAVLE_CHECK(
                change.tx().execute("DELETE FROM sml_credentials WHERE account = ?1 AND planned = 1 AND sha256 <> ?2",
                                    {account.id, certificate.sha256_hex()}));
            return insert_credential(change, account.id, certificate, true, stamp(when));
        });
}

Result<Account> Register::authenticate(const crypto::Certificate& certificate) {
    const auto now = state_->clock.now();
    const auto nobody = [] {
        return certificate_error("The client certificate is none of an account of this locator.",
                                 "Ask the operator of the locator to register it.");
    };
    std::optional<Account> known;
    std::optional<DomainRules> domain;
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        known.reset();
        domain.reset();
        BUDKAVLE_TRY(auto found, find_by_certificate(tx, certificate, stamp(now)));
        if (found.refused) return nobody();
        known = std::move(found.account);
        if (known) return {};
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT zone FROM sml_domains WHERE authorisation = 'issuer' ORDER BY zone"));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(auto rules, read_domain(tx, row.text(0)));
            if (!issued_for(rules, certificate, now)) continue;
            domain = std::move(rules);
            break;
        }
        return {};
    }));
    if (known) return *std::move(known);
    if (!domain) return nobody();
    // Account = subject and serial under this CA: the fingerprint stands for both, and cannot be chosen.
    const auto id = "cert-" + certificate.sha256_hex().substr(0, 32);
    const Caller self{"sml", std::nullopt};
    auto added = add_account(self, id, domain->zone, certificate);
    if (!added) return std::unexpected(std::move(added).error());
    Account out;
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(out, read_account(tx, id));
        return {};
    }));
    return out;
}

Result<std::vector<Account>> Register::accounts(const Caller& caller) const {
    std::vector<Account> out;
    BUDKAVLE_CHECK(state_->read([&](Transaction& tx) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT id FROM sml_accounts WHERE ?1 = '' OR id = ?1 ORDER BY id",
                                               {caller.account.value_or("")}));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(auto account, read_account(tx, row.text(0)));
            out.push_back(std::move(account));
        }
        return {};
    }));
    return out;
}

Result<std::size_t> Register::apply_certificate_changes() {
    std::vector<std::pair<std::string, std::string>> applied;
    BUDKAVLE_CHECK(state_->database->write([&](Transaction& tx) -> Result<> {
        applied.clear();
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT account, sha256 FROM sml_credentials WHERE planned = 1 AND valid_from <= ?1",
                              {stamp(state_->clock.now())}));
        for (const auto& row : rows) {
            BUDKAVLE_CHECK(tx.execute("DELETE FROM sml_credentials WHERE account = ?1 AND sha256 <> ?2",
                                      {row.text(0), row.text(1)}));
            BUDKAVLE_CHECK(tx.execute("UPDATE sml_credentials SET planned = 0 WHERE sha256 = ?1", {row.text(1)}));
            applied.emplace_back(row.text(0), row.text(1));
        }
        return {};
    }));
    for (const auto& [account, sha256] : applied)
        state_->log.audit("sml", "sml.account.certificate_changed",
                          {{"subject", account}, {"certificateSha256", sha256}});
    return applied.size();
}

}  // namespace budkavle::sml
