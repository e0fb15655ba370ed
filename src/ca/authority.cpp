#include "ca/authority.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "base/stream.hpp"
#include "ca/folder_lock.hpp"

namespace budkavle::ca {
namespace {

constexpr std::size_t kMinPassphrase = 12;
constexpr std::size_t kMaxId = 40;
constexpr std::chrono::days kRootYears{20 * 365};
constexpr std::chrono::days kCaYears{10 * 365};
constexpr int kSerialTries = 3;
constexpr std::size_t kSha256Size = 32;

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= kMaxId && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

Result<> make_folder(const std::filesystem::path& path, std::filesystem::perms mode) {
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    if (!failed) std::filesystem::permissions(path, mode, failed);
    if (failed) return fail("file.create", {}, path.string(), failed.message());
    return {};
}

obs::Fields facts(std::string_view ca, std::string_view profile, const crypto::Certificate& certificate) {
    return {{"ca", std::string(ca)},
            {"profile", std::string(profile)},
            {"serial", certificate.serial_decimal()},
            {"certificateSha256", certificate.sha256_hex()},
            {"notAfter", format_utc(certificate.not_after())}};
}

}  // namespace

Result<std::unique_ptr<Authority>> Authority::open(AuthorityConfig config, obs::Log& log, const Clock& clock) {
    if (!config.keys && config.passphrase.size() < kMinPassphrase) {
        return fail("ca.passphrase", "SEC-43", {}, "The passphrase of the CA keys is shorter than 12 octets.",
                    "Give a longer one.");
    }
    using std::filesystem::perms;
    BUDKAVLE_CHECK(make_folder(config.folder, perms::owner_all));
    BUDKAVLE_CHECK(make_folder(config.folder / "keys", perms::owner_all));
    BUDKAVLE_CHECK(make_folder(config.folder / "publish", perms::owner_all));
    if (!config.keys) config.keys = file_keys(config.folder / "keys", std::move(config.passphrase));
    BUDKAVLE_TRY(auto book, Register::open(config.register_at.value_or(config.folder / "register.db")));
    std::unique_ptr<Authority> out(new Authority(std::move(config), std::move(book), log, clock));
    BUDKAVLE_TRY(const auto all, out->cas());
    for (const auto& record : all) {
        if (!record.offline) BUDKAVLE_CHECK(out->identity(record));
    }
    return out;
}

Result<crypto::Identity> Authority::identity(const CaRecord& record) const {
    BUDKAVLE_TRY(auto key, config_.keys->get(record.id));
    return crypto::make_identity(std::move(key), {record.certificate});
}

Locations Authority::locations(std::string_view ca) const {
    Locations out{.crl_urls{}, .ocsp_urls = config_.ocsp_urls};
    for (const auto& base : config_.base_urls) out.crl_urls.push_back(base + "/crl/" + std::string(ca) + ".crl");
    return out;
}

KeyPolicy Authority::key_policy(Profile profile) const {
    auto out = config_.key_policy;
    out.allow_ec = out.allow_ec || profile == Profile::tls_function;
    return out;
}

void Authority::refused(std::string_view who, std::string_view ca, const Error& error) {
    auto fields = obs::error_fields(error);
    fields.push_back({"ca", std::string(ca)});
    log_.audit(who, "ca.refused", fields);
}

Result<> Authority::check(const CaOrder& order) const {
    if (!is_id(order.id)) return fail("ca.order", {}, "id", "The id of a CA is 1 to 40 of a-z, 0-9 and hyphen.");
    if (order.common_name.empty()) return fail("ca.order", {}, "common_name", "The CA has no common name.");
    BUDKAVLE_TRY(const auto all, cas());
    for (const auto& other : all) {
        if (other.id == order.id || other.certificate.common_name() == order.common_name) {
            return fail("ca.exists", "There is a CA with this id or common name already.");
        }
    }
    return {};
}

crypto::CertificateTemplate Authority::below_root(const CaOrder& order, const CaRecord& root, Time now) const {
    crypto::CertificateTemplate what;
    what.subject = ca_name(config_.owner, order.common_name);
    what.not_before = now;
    what.not_after = std::min<Time>(now + (order.validity.count() > 0 ? order.validity : kCaYears),
                                    root.certificate.not_after());
    what.ca = true;
    what.key_usage = {"keyCertSign", "cRLSign"};
    what.any_policy = true;
    what.crl_urls = locations(root.id).crl_urls;
    return what;
}

Result<crypto::Certificate> Authority::create(std::string_view who, std::string_view parent, const CaOrder& order) {
    BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
    BUDKAVLE_CHECK(check(order));
    const bool root = parent.empty();
    const auto now = clock_.now();
    crypto::CertificateTemplate what;
    what.subject = ca_name(config_.owner, order.common_name);
    what.not_before = now;
    what.not_after = now + (order.validity.count() > 0 ? order.validity : root ? kRootYears : kCaYears);
    what.ca = true;
    what.key_usage = {"keyCertSign", "cRLSign"};
    BUDKAVLE_TRY(const auto key, config_.keys->make(order.id, order.rsa_bits != 0 ? order.rsa_bits : root ? 4096 : 3072));
    std::optional<crypto::Certificate> made;
    if (root) {
        for (const auto& base : config_.base_urls) what.ca_repository_urls.push_back(base + "/");
        BUDKAVLE_TRY(made, crypto::issue_self_signed(what, key));
    } else {
        BUDKAVLE_TRY(const auto above, register_->ca(parent));
        if (above.purpose != CaPurpose::issuing_cas)
            return fail("ca.purpose", "pki.md 5.1", {}, "The parent does not certify CAs.");
        what = below_root(order, above, now);
        BUDKAVLE_TRY(const auto signer, identity(above));
        BUDKAVLE_TRY(made, crypto::issue(what, key->public_key(), signer));
    }
    const CaRecord record{
        .id = order.id,
        .purpose = order.purpose,
        .parent = std::string(parent),
        .certificate = *made,
        .crl_validity = order.purpose == CaPurpose::issuing_cas ? config_.root_crl_validity : config_.crl_validity,
        .crl_issued{}};
    BUDKAVLE_CHECK(register_->add_ca(record, now));
    log_.audit(who, "ca.created", facts(order.id, name(order.purpose), *made));
    BUDKAVLE_CHECK(publish(who, record));
    return std::move(*made);
}

Result<crypto::Certificate> Authority::create_root(std::string_view who, const CaOrder& order) {
    auto made = create(who, {}, order);
    if (!made) refused(who, order.id, made.error());
    return made;
}

Result<crypto::Certificate> Authority::create_ca(std::string_view who, std::string_view parent, const CaOrder& order) {
    auto made = parent.empty() ? Result<crypto::Certificate>(fail("ca.unknown", "There is no CA with this id."))
                               : create(who, parent, order);
    if (!made) refused(who, order.id, made.error());
    return made;
}

Result<crypto::Certificate> Authority::issue_checked(std::string_view ca, const Order& order,
                                                     const crypto::PublicKey& key, const AlsoIssued& also) {
    BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
    BUDKAVLE_TRY(const auto record, register_->ca(ca));
    if (record.purpose != issuer_of(order.profile))
        return fail("ca.purpose", "pki.md 5.1", {}, "This CA does not issue certificates of this kind.");
    if (const auto reasons = judge_key(key, key_policy(order.profile)); !reasons.empty())
        return fail("ca.key", reasons.front().rule, {}, reasons.front().text);
    const auto now = clock_.now();
    BUDKAVLE_TRY(const auto what, make_template(order, config_.owner, locations(ca), record.certificate, now));
    BUDKAVLE_TRY(const auto signer, identity(record));
    for (int tries = 1;; ++tries) {
        BUDKAVLE_TRY(auto made, crypto::issue(what, key, signer));
        const auto added = register_->add({.ca = record.id,
                                           .profile = std::string(name(order.profile)),
                                           .certificate = made,
                                           .common_name = order.common_name,
                                           .organisation = order.organisation,
                                           .issued = now,
                                           .revocation{}},
                                          [&](store::Transaction& transaction) -> Result<> {
                                              return also ? also(transaction, made) : Result<>{};
                                          });
        if (added) return made;
        if (added.error().code != "ca.serial" || tries == kSerialTries) return std::unexpected(added.error());
    }
}

Result<crypto::Certificate> Authority::issue(std::string_view who, std::string_view ca, const Order& order,
                                             const crypto::PublicKey& key, const AlsoIssued& also) {
    auto made = issue_checked(ca, order, key, also);
    if (made) {
        log_.audit(who, "ca.issued", facts(ca, name(order.profile), *made));
        changed();
    } else {
        refused(who, ca, made.error());
    }
    return made;
}

Result<crypto::Certificate> Authority::issue_for_request(std::string_view who, std::string_view ca, const Order& order,
                                                         ByteView request) {
    const auto verdict = judge_request(request, key_policy(order.profile));
    if (verdict.alarm) log_.audit(who, "ca.private_key_received", {{"ca", std::string(ca)}});
    if (!verdict.issuable()) {
        const Error error{"ca.request", verdict.reasons.front().rule, {}, verdict.reasons.front().text, {},
                          Retry::never};
        refused(who, ca, error);
        return std::unexpected(error);
    }
    return issue(who, ca, order, *verdict.public_key);
}

Result<> Authority::revoke(std::string_view who, std::string_view ca, std::string_view serial_decimal,
                           const std::string& reason, const std::string& cause, const Also& also) {
    const auto work = [&]() -> Result<> {
        if (!crypto::is_revocation_reason(reason))
            return fail("ca.order", "pki.md 5.3", "reason", "The reason of the revocation is not known.");
        if (trim(cause).empty())
            return fail("ca.order", "pki.md 5.2", "cause", "The cause of a revocation must be investigated and noted.");
        BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
        BUDKAVLE_CHECK(register_->revoke(ca, serial_decimal, std::string(who), {clock_.now(), reason, cause}, also));
        log_.audit(who, "ca.revoked",
                   {{"ca", std::string(ca)}, {"serial", std::string(serial_decimal)}, {"reason", reason}});
        BUDKAVLE_TRY(const auto record, register_->ca(ca));
        if (const auto published = publish(who, record); !published) {
            return fail(
                published.error().code, "pki.md 5.3", published.error().place,
                "The certificate is revoked, but the new list could not be published: " + published.error().text,
                "It is tried again in the background.", Retry::later);
        }
        return {};
    };
    auto done = work();
    if (!done) refused(who, ca, done.error());
    if (done || done.error().retry == Retry::later) changed();
    return done;
}

void Authority::on_change(std::function<void()> changed) {
    const std::lock_guard lock(change_mutex_);
    on_change_ = std::move(changed);
}

void Authority::changed() const {
    const std::lock_guard lock(change_mutex_);
    if (on_change_) on_change_();
}

Result<crypto::Identity> Authority::service_signer(std::string_view who, std::string_view ca,
                                                   std::string_view profile) {
    BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
    BUDKAVLE_TRY(const auto record, register_->ca(ca));
    if (record.purpose == CaPurpose::issuing_cas)
        return fail("ca.purpose", "pki.md 5.3", {}, "An offline root has a list and no responder.");
    BUDKAVLE_TRY(const auto known, register_->service_signers(ca, profile));
    const auto now = clock_.now();
    for (const auto& [name, certificate] : known) {
        const auto half = (certificate.not_after() - certificate.not_before()) / 2;
        const bool all_there_is = certificate.not_after() == record.certificate.not_after();
        if (now >= certificate.not_after() || (now > certificate.not_after() - half && !all_there_is)) break;
        // The key of another node's signer is not here.
        if (auto key = config_.keys->get(name)) return crypto::make_identity(std::move(*key), {certificate});
    }
    BUDKAVLE_TRY(const auto signer, identity(record));
    const auto name = std::string(profile) + "-" + new_uuid();
    BUDKAVLE_TRY(auto key, config_.keys->make(name, config_.ocsp_rsa_bits));
    const auto what =
        service_template(profile, config_.owner, locations(ca), record.certificate, now, config_.ocsp_signer_validity);
    BUDKAVLE_TRY(auto made, crypto::issue(what, key->public_key(), signer));
    BUDKAVLE_CHECK(register_->add(
        {.ca = record.id,
         .profile = std::string(profile),
         .certificate = made,
         .common_name = made.common_name(),
         .organisation = config_.owner.organisation,
         .issued = now,
         .revocation{}},
        [&](store::Transaction& transaction) -> Result<> {
            BUDKAVLE_CHECK(transaction.execute("INSERT INTO ocsp_signer (ca, serial, key_name) VALUES (?1, ?2, ?3)",
                                               {record.id, made.serial_decimal(), name}));
            return {};
        }));
    log_.audit(who, "ca.issued", facts(ca, profile, made));
    return crypto::make_identity(std::move(key), {std::move(made)});
}

Result<std::vector<crypto::Certificate>> Authority::chain_of(std::string_view ca) const {
    std::vector<crypto::Certificate> out;
    for (std::string id(ca); !id.empty();) {
        BUDKAVLE_TRY(auto record, register_->ca(id));
        out.push_back(std::move(record.certificate));
        id = std::move(record.parent);
    }
    return out;
}

Result<std::string> Authority::chain_pem(std::string_view ca, std::string_view serial) const {
    BUDKAVLE_TRY(const auto record, register_->certificate(ca, serial));
    BUDKAVLE_TRY(const auto above, chain_of(ca));
    auto out = record.certificate.pem();
    for (const auto& one : above) out += one.pem();
    return out;
}

Result<> Authority::block_key(std::string_view who, std::string_view key_sha256, const std::string& why) {
    const auto digest = hex_decode(key_sha256);
    if (!digest || digest->size() != kSha256Size || trim(why).empty())
        return fail("ca.order", "pki.md 5.2", "key", "A key is blocked by its SHA-256 in hex, with a reason.");
    BUDKAVLE_CHECK(register_->block_key({hex_encode(*digest), std::string(who), why, clock_.now()}));
    log_.audit(who, "ca.key_blocked", {{"key", hex_encode(*digest)}});
    return {};
}

bool Authority::is_due(const CaRecord& record, Time now) const {
    if (record.offline || now >= record.certificate.not_after()) return false;
    if (record.crl_due || !record.crl_issued) return true;
    const seconds half = record.crl_validity / 2;
    const seconds age = record.purpose == CaPurpose::issuing_cas ? half : std::min<seconds>(config_.reissue, half);
    return now >= *record.crl_issued + age;
}

Result<bool> Authority::place_list(const std::string& ca) const {
    BUDKAVLE_TRY(const auto newest, register_->crl(ca));
    const auto file = publish_folder() / (ca + ".crl");
    if (newest.first == 0) return false;  // made before the register kept lists
    if (const auto there = read_file(file); there && *there == newest.second) return false;
    BUDKAVLE_CHECK(write_file_atomic(file, newest.second, 0644));
    return true;
}

Result<> Authority::publish(std::string_view who, const CaRecord& record) {
    const auto now = clock_.now();
    BUDKAVLE_TRY(const auto signer, identity(record));
    BUDKAVLE_TRY(const auto entries, register_->revoked(record.id, now, config_.keep_expired));
    BUDKAVLE_TRY(const auto number, register_->next_crl_number(record.id));
    BUDKAVLE_TRY(const auto crl, crypto::issue_crl(signer, entries, number, now, now + record.crl_validity));
    BUDKAVLE_CHECK(register_->crl_published(record.id, number, crl, now));
    BUDKAVLE_CHECK(place_list(record.id));
    log_.audit(who, "ca.crl_issued",
               {{"ca", record.id},
                {"number", static_cast<std::int64_t>(number)},
                {"entries", static_cast<std::int64_t>(entries.size())}});
    return {};
}

Result<std::size_t> Authority::publish_due(std::string_view who) {
    BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
    BUDKAVLE_TRY(const auto all, cas());
    std::size_t count = 0;
    std::optional<Error> first;
    const auto now = clock_.now();
    for (const auto& record : all) {
        Result<bool> done = true;
        if (is_due(record, now)) {
            if (auto published = publish(who, record); !published) done = std::unexpected(std::move(published).error());
        } else {
            done = place_list(record.id);  // made by another node, or its file was lost
        }
        if (done && *done) ++count;
        if (!done && !first) first = done.error();
    }
    if (first) return std::unexpected(std::move(*first));
    return count;
}

}  // namespace budkavle::ca
