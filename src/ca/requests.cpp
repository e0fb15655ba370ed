#include "ca/requests.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.hpp"
#include "ca/request_json.hpp"
#include "crypto/digest.hpp"

namespace budkavle::ca {
namespace {

constexpr std::size_t kMaxWho = 200;
constexpr std::size_t kMaxNote = 4000;
constexpr std::string_view kRule = "pki.md 5.2";

bool is_open(RequestState state) {
    return state == RequestState::received || state == RequestState::verified || state == RequestState::approved;
}

std::int64_t number_of(Time at) {
    return at.time_since_epoch().count();
}

Result<> check_who(std::string_view who) {
    if (trim(who).size() == who.size() && !who.empty() && who.size() <= kMaxWho && is_valid_utf8(who) &&
        std::ranges::none_of(who, [](char c) { return static_cast<unsigned char>(c) < ' '; }))
        return {};
    return fail("ca.who", "FED-04", "who", "Every act names the person who does it.");
}

Result<> check_note(const std::string& note, std::string_view place) {
    if (!trim(note).empty() && note.size() <= kMaxNote && is_valid_utf8(note)) return {};
    return fail("ca.order", kRule, place, "A note of 1 to 4000 octets is needed.");
}

/// FED-04: each user is one natural person; spelling with other letter case is no other person.
bool same_person(std::string_view a, std::string_view b) {
    return equal_ignore_case_ascii(trim(a), trim(b));
}

std::unexpected<Error> wrong_state(const PkiRequest& request) {
    return fail("ca.state", kRule, {},
                fmt::format("The request is {}; this is not possible with it.", name(request.state)));
}

Result<> update(store::Transaction& transaction, const PkiRequest& request, RequestState from) {
    BUDKAVLE_TRY(const auto changed,
                 transaction.execute("UPDATE request SET state = ?3, body = ?4 WHERE id = ?1 AND state = ?2",
                                     {request.id, std::string(name(from)), std::string(name(request.state)),
                                      request_to_json(request)}));
    if (changed == 1) return {};
    return fail("ca.state", kRule, {}, "Somebody else has changed the request meanwhile.", "Look at it again.");
}

Result<crypto::PublicKey> key_of(const PkiRequest& request, const KeyPolicy& policy) {
    std::optional<crypto::PublicKey> key;
    std::vector<Reason> reasons;
    if (request.spki.empty()) {
        auto verdict = judge_request(as_bytes(request.octets), policy);
        key = std::move(verdict.public_key);
        reasons = std::move(verdict.reasons);
    } else {
        BUDKAVLE_TRY(const auto der, base64_decode(request.spki));
        BUDKAVLE_TRY(key, crypto::public_key_from_der(der));
        reasons = judge_key(*key, policy);
    }
    if (!key || !reasons.empty() || fingerprint(*key) != request.key_sha256)
        return fail("ca.request", kRule, {}, "The request is no longer one that may be issued.", "Reject it.");
    return std::move(*key);
}

std::string digits_of(std::string_view fingerprint) {
    auto out = to_lower_ascii(fingerprint);
    std::erase_if(out, [](char c) { return c == ':' || c == ' ' || c == '\t' || c == '-'; });
    return out;
}

}  // namespace

std::string fingerprint(const crypto::PublicKey& key) {
    return hex_encode(crypto::sha256(key.spki_der()));
}

void Requests::told(std::string_view who, const PkiRequest& request, RequestState from) const {
    authority_.log().audit(who, "ca.request_changed",
                           {{"request", request.id},
                            {"kind", std::string(name(request.kind))},
                            {"ca", request.ca},
                            {"commonName", request.order.common_name},
                            {"serial", request.serial},
                            {"key", request.key_sha256},
                            {"old", std::string(name(from))},
                            {"new", std::string(name(request.state))}});
}

template <class T>
Result<T> Requests::audited(std::string_view who, std::string_view id, Result<T> done) const {
    if (!done) {
        auto fields = obs::error_fields(done.error());
        fields.push_back({"request", std::string(id)});
        authority_.log().audit(who, "ca.request_refused", fields);
    }
    return done;
}

Result<PkiRequest> Requests::keep(PkiRequest request) {
    BUDKAVLE_CHECK(authority_.book().database().write([&](store::Transaction& transaction) -> Result<> {
        if (is_open(request.state) && !request.key_sha256.empty()) {
            BUDKAVLE_TRY(const auto same, transaction.query("SELECT 1 FROM request WHERE key_sha256 = ?1 AND state IN "
                                                            "('received', 'verified', 'approved')",
                                                            {request.key_sha256}));
            if (!same.empty()) {
                request.state = RequestState::rejected;
                request.closed = Act{"system", request.received.at, "findings"};
                request.verdict.reasons.push_back(
                    {std::string(kRule), "Another open request is for the same key."});
            }
        }
        BUDKAVLE_CHECK(transaction.execute(
            "INSERT INTO request (id, kind, state, ca, serial, key_sha256, organisation, common_name, created, "
            "expires, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            {request.id, std::string(name(request.kind)), std::string(name(request.state)), request.ca, request.serial,
             request.key_sha256, request.order.organisation, request.order.common_name,
             number_of(request.received.at), number_of(request.expires), request_to_json(request)}));
        return {};
    }));
    told(request.received.who, request, RequestState::received);
    return request;
}

Result<> Requests::add_key_findings(PkiRequest& request) const {
    if (!request.verdict.public_key) return {};
    request.key_sha256 = fingerprint(*request.verdict.public_key);
    const auto known = authority_.book().check_key(request.key_sha256);
    if (known) return {};
    if (!known.error().code.starts_with("ca.key_")) return std::unexpected(known.error());
    request.verdict.reasons.push_back({std::string(known.error().rule), known.error().text});
    return {};
}

Result<PkiRequest> Requests::begin(std::string_view who, RequestKind kind, std::string_view ca, const Order& order,
                                   std::string_view serial) const {
    BUDKAVLE_CHECK(check_who(who));
    BUDKAVLE_TRY(const auto record, authority_.book().ca(ca));
    if (record.purpose != issuer_of(order.profile))
        return fail("ca.purpose", "pki.md 5.1", {}, "This CA does not issue certificates of this kind.");
    const auto now = authority_.clock().now();
    // The order is judged now, so that two persons do not approve what cannot be issued.
    BUDKAVLE_CHECK(make_template(order, {}, {}, record.certificate, now));
    return PkiRequest{.id = new_uuid(),
                      .kind = kind,
                      .ca = record.id,
                      .order = order,
                      .octets{},
                      .verdict{},
                      .spki{},
                      .key_sha256{},
                      .serial = std::string(serial),
                      .issued_serial{},
                      .reason{},
                      .cause{},
                      .received = {std::string(who), now, {}},
                      .verified{},
                      .approved{},
                      .closed{},
                      .expires = now + lifetime_};
}

Result<PkiRequest> Requests::submit_signed_renewal(std::string_view who, const IssuedRecord& old,
                                                   const crypto::PublicKey& key) {
    const auto work = [&]() -> Result<PkiRequest> {
        BUDKAVLE_TRY(const auto order, order_of(old));
        BUDKAVLE_TRY(auto request, begin(who, RequestKind::renew, old.ca, order, old.certificate.serial_decimal()));
        request.verdict.reasons = judge_key(key, authority_.key_policy(order.profile));
        request.verdict.key = key.describe();
        request.verdict.subject = old.certificate.subject();
        request.verdict.public_key = key;
        request.spki = base64_encode(key.spki_der());
        BUDKAVLE_CHECK(add_key_findings(request));
        if (request.verdict.issuable()) {
            request.state = RequestState::verified;
            request.verified = Act{std::string(who), request.received.at, "signed with the key of the renewed certificate"};
        } else {
            request.state = RequestState::rejected;
            request.closed = Act{"system", request.received.at, "findings"};
        }
        return keep(std::move(request));
    };
    return audited(who, {}, work());
}

Result<PkiRequest> Requests::take_in(std::string_view who, RequestKind kind, std::string_view ca, const Order& order,
                                     std::string_view serial, ByteView octets) {
    BUDKAVLE_TRY(auto request, begin(who, kind, ca, order, serial));
    request.verdict = judge_request(octets, authority_.key_policy(order.profile));
    BUDKAVLE_CHECK(add_key_findings(request));
    if (request.verdict.alarm) {
        authority_.log().audit(who, "ca.private_key_received", {{"ca", request.ca}, {"request", request.id}});
        if (const auto lost = crypto::key_from_pem(as_text(octets)))
            BUDKAVLE_CHECK(authority_.block_key(who, fingerprint((*lost)->public_key()), "private key handed in"));
    } else if (request.verdict.public_key) {
        request.octets = as_text(octets);
    }
    if (!request.verdict.issuable()) {
        request.state = RequestState::rejected;
        request.closed = Act{"system", request.received.at, "findings"};
    }
    return keep(std::move(request));
}

Result<PkiRequest> Requests::submit(std::string_view who, std::string_view ca, const Order& order, ByteView octets) {
    return audited(who, {}, take_in(who, RequestKind::issue, ca, order, {}, octets));
}

Result<PkiRequest> Requests::submit_renewal(std::string_view who, std::string_view ca, std::string_view serial,
                                            ByteView octets) {
    const auto work = [&]() -> Result<PkiRequest> {
        BUDKAVLE_TRY(const auto old, authority_.certificate(ca, serial));
        if (state_of(old, authority_.clock().now()) != CertificateState::valid)
            return fail("ca.not_valid", "pki.md 5.5", {}, "The certificate is revoked or expired.",
                        "Ask for a new certificate.");
        BUDKAVLE_TRY(const auto order, order_of(old));
        return take_in(who, RequestKind::renew, ca, order, serial, octets);
    };
    return audited(who, {}, work());
}

Result<PkiRequest> Requests::submit_revocation(std::string_view who, std::string_view ca, std::string_view serial,
                                               const std::string& reason, const std::string& cause) {
    const auto work = [&]() -> Result<PkiRequest> {
        BUDKAVLE_CHECK(check_who(who));
        if (!crypto::is_revocation_reason(reason))
            return fail("ca.order", "pki.md 5.3", "reason", "The reason of the revocation is not known.");
        BUDKAVLE_CHECK(check_note(cause, "cause"));
        BUDKAVLE_TRY(const auto old, authority_.certificate(ca, serial));
        if (old.revocation) return fail("ca.already_revoked", "The certificate is revoked already.");
        const auto now = authority_.clock().now();
        return keep({.id = new_uuid(),
                     .kind = RequestKind::revoke,
                     .ca = std::string(ca),
                     .order = {.common_name = old.common_name, .organisation = old.organisation},
                     .octets{},
                     .verdict{},
                     .spki{},
                     .key_sha256{},
                     .serial = std::string(serial),
                     .issued_serial{},
                     .reason = reason,
                     .cause = cause,
                     .received = {std::string(who), now, {}},
                     .verified{},
                     .approved{},
                     .closed{},
                     .expires = now + lifetime_});
    };
    return audited(who, {}, work());
}

Result<PkiRequest> Requests::open_request(std::string_view id, RequestState wanted) const {
    BUDKAVLE_TRY(auto request, get(id));
    if (request.state != wanted) return wrong_state(request);
    if (authority_.clock().now() >= request.expires)
        return fail("ca.state", kRule, {}, "The request has expired.", "Hand in a new one.");
    return request;
}

Result<> Requests::move(PkiRequest& request, RequestState from) {
    BUDKAVLE_CHECK(authority_.book().database().write(
        [&](store::Transaction& transaction) { return update(transaction, request, from); }));
    return {};
}

Result<PkiRequest> Requests::do_verify(std::string_view who, std::string_view id, std::string_view key_sha256,
                                       const std::string& note) {
    BUDKAVLE_CHECK(check_who(who));
    BUDKAVLE_CHECK(check_note(note, "note"));
    BUDKAVLE_TRY(auto request, open_request(id, RequestState::received));
    if (request.kind == RequestKind::revoke) return wrong_state(request);
    if (digits_of(key_sha256) != request.key_sha256)
        return fail("ca.fingerprint", kRule, "key", "This is not the fingerprint of the key in the request.",
                    "If the applicant read it so, the request is not theirs: reject it.");
    request.state = RequestState::verified;
    request.verified = Act{std::string(who), authority_.clock().now(), note};
    BUDKAVLE_CHECK(move(request, RequestState::received));
    told(who, request, RequestState::received);
    return request;
}

Result<PkiRequest> Requests::verify(std::string_view who, std::string_view id, std::string_view key_sha256,
                                    const std::string& note) {
    return audited(who, id, do_verify(who, id, key_sha256, note));
}

Result<PkiRequest> Requests::do_approve(std::string_view who, std::string_view id, const std::string& note) {
    BUDKAVLE_CHECK(check_who(who));
    BUDKAVLE_CHECK(check_note(note, "note"));
    BUDKAVLE_TRY(auto request, get(id));
    const auto from = request.kind == RequestKind::revoke ? RequestState::received : RequestState::verified;
    BUDKAVLE_TRY(request, open_request(id, from));
    if (same_person(who, request.received.who) || (request.verified && same_person(who, request.verified->who)))
        return fail("ca.same_person", kRule, {}, "A request is approved by another person than the one who handed in or verified it.");
    const Act act{std::string(who), authority_.clock().now(), note};
    request.approved = act;
    if (request.kind == RequestKind::revoke) {
        request.state = RequestState::revoked;
        request.closed = act;
        const auto done = authority_.revoke(
            who, request.ca, request.serial, request.reason, request.cause,
            [&](store::Transaction& transaction) { return update(transaction, request, from); });
        // With Retry::later the certificate is revoked, and only its list is missing.
        if (!done && done.error().retry != Retry::later) return std::unexpected(done.error());
    } else {
        request.state = RequestState::approved;
        BUDKAVLE_CHECK(move(request, from));
    }
    told(who, request, from);
    return request;
}

Result<PkiRequest> Requests::approve(std::string_view who, std::string_view id, const std::string& note) {
    return audited(who, id, do_approve(who, id, note));
}

Result<crypto::Certificate> Requests::do_issue(std::string_view who, std::string_view id) {
    BUDKAVLE_CHECK(check_who(who));
    BUDKAVLE_TRY(auto request, get(id));
    if (request.state == RequestState::issued) {
        BUDKAVLE_TRY(auto before, authority_.certificate(request.ca, request.issued_serial));
        return std::move(before.certificate);
    }
    BUDKAVLE_TRY(request, open_request(id, RequestState::approved));
    // Judged again: the policy may be stricter than on the day it came.
    BUDKAVLE_TRY(const auto key, key_of(request, authority_.key_policy(request.order.profile)));
    request.state = RequestState::issued;
    request.closed = Act{std::string(who), authority_.clock().now(), {}};
    auto made = authority_.issue(who, request.ca, request.order, key,
                                 [&](store::Transaction& transaction, const crypto::Certificate& certificate) {
                                     request.issued_serial = certificate.serial_decimal();
                                     return update(transaction, request, RequestState::approved);
                                 });
    if (made) told(who, request, RequestState::approved);
    return made;
}

Result<crypto::Certificate> Requests::issue(std::string_view who, std::string_view id) {
    return audited(who, id, do_issue(who, id));
}

Result<PkiRequest> Requests::do_reject(std::string_view who, std::string_view id, const std::string& why) {
    BUDKAVLE_CHECK(check_who(who));
    BUDKAVLE_CHECK(check_note(why, "why"));
    BUDKAVLE_TRY(auto request, get(id));
    const auto from = request.state;
    if (!is_open(from)) return wrong_state(request);
    request.state = RequestState::rejected;
    request.closed = Act{std::string(who), authority_.clock().now(), why};
    BUDKAVLE_CHECK(move(request, from));
    told(who, request, from);
    return request;
}

Result<PkiRequest> Requests::reject(std::string_view who, std::string_view id, const std::string& why) {
    return audited(who, id, do_reject(who, id, why));
}

}  // namespace budkavle::ca
