#include "ca/ocsp_responder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "base/stream.hpp"
#include "ca/ocsp_form.hpp"
#include "crypto/digest.hpp"
#include "net/http_date.hpp"

namespace budkavle::ca {
namespace {

using crypto::OcspHash;
using crypto::OcspStatus;

constexpr std::chrono::minutes kBackdate{5};
constexpr std::size_t kBatch = 100;
constexpr std::size_t kMinEcho = 16;
constexpr std::size_t kMaxEcho = 32;
constexpr std::array kHashes{OcspHash::sha1, OcspHash::sha256};

/// 99991231235959Z: the last word about a certificate that can no longer change.
constexpr Time final_end() {
    return std::chrono::sys_days(std::chrono::year(9999) / 12 / 31) + std::chrono::hours(24) - seconds(1);
}

/// So many a second, and as many at once.
class Allowance {
public:
    explicit Allowance(unsigned per_second) : rate_(per_second), left_(per_second) {}
    bool take() {
        const std::lock_guard lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        left_ = std::min(rate_, left_ + std::chrono::duration<double>(now - since_).count() * rate_);
        since_ = now;
        if (left_ < 1) return false;
        left_ -= 1;
        return true;
    }

private:
    std::mutex mutex_;
    double rate_;
    double left_;
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

struct Ready {
    std::shared_ptr<const std::string> octets;
    std::string etag;
    bool revoked = false;
    Time made;
    Time ends;
};

Ready ready_of(const OcspRow& row) {
    return {.octets = std::make_shared<const std::string>(as_text(row.answer)),
            .etag = "\"" + hex_encode(crypto::sha256(row.answer)).substr(0, 32) + "\"",
            .revoked = row.revoked,
            .made = row.made,
            .ends = row.ends};
}

std::shared_ptr<const std::string> failure(crypto::OcspFailure kind) {
    static const auto all = [] {
        std::map<crypto::OcspFailure, std::shared_ptr<const std::string>> made;
        for (const auto one : {crypto::OcspFailure::malformed_request, crypto::OcspFailure::internal_error,
                               crypto::OcspFailure::try_later, crypto::OcspFailure::unauthorized})
            made[one] = std::make_shared<const std::string>(as_text(crypto::ocsp_failure(one)));
        return made;
    }();
    return all.at(kind);
}

}  // namespace

struct OcspResponder::State {
    /// What is known of one CA. The maps are by `OcspId::serial`.
    struct Ca {
        std::string id;
        crypto::Certificate certificate;
        std::optional<crypto::Identity> signer{};
        std::unordered_map<std::string, CertificateStatus> issued{};
        std::array<std::unordered_map<std::string, Ready>, 2> answers{};
    };

    OcspConfig config;
    Authority& authority;
    std::mutex refreshing;
    std::map<std::string, std::int64_t> seen;  ///< CA → changes; under `refreshing`
    mutable std::mutex seen_mutex;
    mutable std::shared_mutex mutex;  ///< of all below
    std::map<std::string, std::shared_ptr<Ca>> by_id;
    std::unordered_map<std::string, std::shared_ptr<Ca>> by_issuer;
    mutable Allowance live;
    mutable Allowance unknown;

    State(const OcspConfig& a_config, Authority& an_authority)
        : config(a_config),
          authority(an_authority),
          live(a_config.live_per_second),
          unknown(a_config.unknown_per_second) {}

    std::shared_ptr<Ca> enter(const CaRecord& record) {
        const std::unique_lock lock(mutex);
        auto& one = by_id[record.id];
        if (!one) {
            one = std::make_shared<Ca>(Ca{.id = record.id, .certificate = record.certificate});
            for (const auto hash : kHashes) by_issuer[crypto::ocsp_issuer(record.certificate, hash)] = one;
        }
        return one;
    }

    Result<> load() {
        BUDKAVLE_TRY(const auto cas, authority.cas());
        for (const auto& record : cas) {
            if (record.purpose != CaPurpose::issuing_cas) enter(record);
        }
        BUDKAVLE_TRY(const auto kept, authority.book().ocsp_answers());
        for (const auto& row : kept) {
            const auto ca = by_id.find(row.ca);
            const auto serial = crypto::ocsp_serial(row.serial);
            if (ca != by_id.end() && serial && row.hash >= 0 && row.hash < 2)
                ca->second->answers.at(static_cast<std::size_t>(row.hash))[*serial] = ready_of(row);
        }
        return {};
    }

    /// Nothing about the certificate can change any more: it has ended, or its CA soon has.
    [[nodiscard]] bool is_final(const Ca& ca, const CertificateStatus& status, Time now) const {
        return now >= status.not_after || now >= ca.certificate.not_after() - config.validity;
    }

    [[nodiscard]] bool is_good(const Ready& ready, const Ca& ca, const CertificateStatus& status, Time now) const {
        if (ready.revoked != status.revoked.has_value()) return false;
        if (ready.ends == final_end()) return true;
        return !is_final(ca, status, now) && now < ready.made + config.renew;
    }

    [[nodiscard]] crypto::OcspSingle single_of(const Ca& ca, OcspHash hash, const std::string& serial,
                                               const CertificateStatus& status, Time now) const {
        const auto end = is_final(ca, status, now) ? final_end() : std::chrono::floor<seconds>(now + config.validity);
        return {.hash = hash,
                .serial = serial,
                .status = status.revoked ? OcspStatus::revoked : OcspStatus::good,
                .revoked_since = status.revoked,
                .reason = status.reason,
                .this_update = std::chrono::floor<seconds>(now - kBackdate),
                .next_update = end};
    }

    Result<> keep(Ca& ca, std::vector<OcspRow>& rows, std::vector<std::string>& serials) {
        if (rows.empty()) return {};
        {
            const std::unique_lock lock(mutex);
            for (std::size_t i = 0; i < rows.size(); ++i)
                ca.answers.at(static_cast<std::size_t>(rows[i].hash))[serials[i]] = ready_of(rows[i]);
        }
        const auto kept = authority.book().keep_ocsp_answers(rows);
        rows.clear();
        serials.clear();
        return kept;
    }

    Result<std::size_t> refresh(std::string_view who, const CaRecord& record) {
        auto ca = enter(record);
        const auto now = authority.clock().now();
        BUDKAVLE_TRY(const auto statuses, authority.book().statuses(record.id));
        std::unordered_map<std::string, CertificateStatus> issued;
        issued.reserve(statuses.size());
        for (const auto& status : statuses) {
            BUDKAVLE_TRY(auto serial, crypto::ocsp_serial(status.serial));
            issued.emplace(std::move(serial), status);
        }
        std::vector<std::pair<OcspHash, const std::pair<const std::string, CertificateStatus>*>> wanted;
        {
            // The order matters: revoked ones first, they must be seen at once.
            const std::shared_lock lock(mutex);
            for (const bool revoked : {true, false}) {
                for (const auto& one : issued) {
                    if (one.second.revoked.has_value() != revoked) continue;
                    for (const auto hash : kHashes) {
                        const auto& answers = ca->answers.at(static_cast<std::size_t>(hash));
                        const auto there = answers.find(one.first);
                        if (there == answers.end() || !is_good(there->second, *ca, one.second, now))
                            wanted.emplace_back(hash, &one);
                    }
                }
            }
        }
        {
            // What was said otherwise until now is not said any more, even if signing fails below.
            const std::unique_lock lock(mutex);
            for (const auto& [hash, one] : wanted) {
                auto& answers = ca->answers.at(static_cast<std::size_t>(hash));
                const auto there = answers.find(one->first);
                if (there != answers.end() && there->second.revoked != one->second.revoked.has_value())
                    answers.erase(there);
            }
            ca->issued = issued;
        }
        if (now >= record.certificate.not_after()) return 0;
        BUDKAVLE_TRY(auto signer, authority.ocsp_signer(who, record.id));
        {
            const std::unique_lock lock(mutex);
            ca->signer = signer;
        }
        std::vector<OcspRow> rows;
        std::vector<std::string> serials;
        for (const auto& [hash, one] : wanted) {
            const auto single = single_of(*ca, hash, one->first, one->second, now);
            BUDKAVLE_TRY(auto octets, crypto::sign_ocsp_answer(signer, record.certificate, {single}));
            rows.push_back({.ca = record.id,
                            .serial = one->second.serial,
                            .hash = static_cast<int>(hash),
                            .revoked = one->second.revoked.has_value(),
                            .made = now,
                            .ends = *single.next_update,
                            .answer = std::move(octets)});
            serials.push_back(one->first);
            if (rows.size() == kBatch) BUDKAVLE_CHECK(keep(*ca, rows, serials));
        }
        BUDKAVLE_CHECK(keep(*ca, rows, serials));
        return wanted.size();
    }

    /// Signed while the asker waits.
    [[nodiscard]] Answer sign_now(const std::shared_ptr<Ca>& ca, const crypto::OcspQuestion& question) const {
        const auto now = authority.clock().now();
        std::vector<crypto::OcspSingle> singles;
        std::optional<crypto::Identity> signer;
        bool all_issued = true;
        {
            const std::shared_lock lock(mutex);
            signer = ca->signer;
            for (const auto& id : question.ids) {
                const auto known = ca->issued.find(id.serial);
                if (known != ca->issued.end()) {
                    singles.push_back(single_of(*ca, id.hash, id.serial, known->second, now));
                } else {
                    all_issued = false;
                    singles.push_back({.hash = id.hash, .serial = id.serial, .this_update = now - kBackdate});
                }
            }
        }
        if (!signer || now >= signer->certificate().not_after() || !(all_issued ? live : unknown).take())
            return {.octets = failure(crypto::OcspFailure::try_later)};
        // RFC 9654: 16 to 32 octets must come back; others need not.
        ByteView nonce;
        if (question.nonce && question.nonce->size() >= kMinEcho && question.nonce->size() <= kMaxEcho)
            nonce = *question.nonce;
        const auto made = crypto::sign_ocsp_answer(*signer, ca->certificate, singles, nonce);
        if (!made) return {.octets = failure(crypto::OcspFailure::try_later)};
        return {.octets = std::make_shared<const std::string>(as_text(*made))};
    }

    [[nodiscard]] Answer answer(ByteView octets) const {
        const auto verdict = judge_ocsp_request(octets);
        if (verdict.status != OcspForm::successful)
            return {.octets = failure(crypto::OcspFailure::malformed_request)};
        const auto& question = verdict.question;
        std::shared_ptr<Ca> ca;
        {
            const std::shared_lock lock(mutex);
            for (const auto& id : question.ids) {
                const auto found = by_issuer.find(id.issuer);
                if (found == by_issuer.end() || (ca && found->second != ca)) return unauthorized();
                ca = found->second;
            }
            if (!ca || question.ids.size() != question.certificates) return unauthorized();
            const bool echo =
                question.nonce && question.nonce->size() >= kMinEcho && question.nonce->size() <= kMaxEcho;
            if (question.ids.size() == 1 && !echo) {
                const auto& id = question.ids.front();
                const auto& answers = ca->answers.at(static_cast<std::size_t>(id.hash));
                const auto ready = answers.find(id.serial);
                if (ready != answers.end() && authority.clock().now() < ready->second.ends) {
                    const auto& one = ready->second;
                    return {.octets = one.octets, .etag = one.etag, .made = one.made, .next_update = one.ends};
                }
            }
        }
        return sign_now(ca, question);
    }

    static Answer unauthorized() { return {.octets = failure(crypto::OcspFailure::unauthorized)}; }
};

OcspResponder::OcspResponder(std::unique_ptr<State> state) : state_(std::move(state)) {}
OcspResponder::~OcspResponder() = default;

Result<std::unique_ptr<OcspResponder>> OcspResponder::open(const OcspConfig& config, Authority& authority) {
    auto state = std::make_unique<State>(config, authority);
    BUDKAVLE_CHECK(state->load());
    return std::unique_ptr<OcspResponder>(new OcspResponder(std::move(state)));
}

Result<std::size_t> OcspResponder::refresh(std::string_view who) {
    const std::lock_guard lock(state_->refreshing);
    BUDKAVLE_TRY(const auto cas, state_->authority.cas());
    std::size_t count = 0;
    std::optional<Error> first;
    for (const auto& record : cas) {
        const auto done = record.purpose == CaPurpose::issuing_cas ? Result<std::size_t>(0) : state_->refresh(who, record);
        if (done) {
            count += *done;
            const std::lock_guard seen(state_->seen_mutex);
            state_->seen[record.id] = record.changes;
        } else if (!first) {
            first = done.error();
        }
    }
    if (first) return std::unexpected(std::move(*first));
    return count;
}

Result<bool> OcspResponder::is_behind() const {
    BUDKAVLE_TRY(const auto changes, state_->authority.book().changes());
    const std::lock_guard lock(state_->seen_mutex);
    return std::ranges::any_of(changes, [&](const auto& one) {
        const auto known = state_->seen.find(one.first);
        return known == state_->seen.end() || known->second != one.second;
    });
}

OcspResponder::Answer OcspResponder::answer(ByteView question) const {
    return state_->answer(question);
}

net::Response OcspResponder::serve(net::Request& request, std::string_view prefix) const {
    const auto refuse = [](int status, std::string_view text) {
        auto out = net::problem(status, Error{"ocsp.request", "pki.md 5.4", {}, std::string(text), {}, Retry::never});
        out.headers.add("Cache-Control", "no-store");
        return out;
    };
    const bool get = request.method == "GET" || request.method == "HEAD";
    Bytes question;
    if (get) {
        if (auto found = ocsp_question_in(std::string_view(request.path).substr(prefix.size()))) question = std::move(*found);
    } else if (request.method == "POST") {
        const auto type = request.headers.get("Content-Type").value_or("");
        if (to_lower_ascii(trim(split(type, ';').front())) != "application/ocsp-request")
            return refuse(415, "An OCSP request is application/ocsp-request.");
        auto body = read_all(*request.body, kMaxOcspRequest);
        if (!body) return refuse(413, "The request is longer than 4096 octets.");
        question = std::move(*body);
    } else {
        auto out = refuse(405, "OCSP is asked by GET or POST.");
        out.headers.add("Allow", "GET, HEAD, POST");
        return out;
    }
    const auto made = state_->answer(question);
    net::Response out;
    out.headers.add("Content-Type", "application/ocsp-response");
    out.body = *made.octets;
    const auto rest = made.next_update ? std::chrono::floor<seconds>(*made.next_update - state_->authority.clock().now())
                                       : seconds(0);
    if (!get || !made.next_update || rest <= seconds(1)) {
        out.headers.add("Cache-Control", "no-store");
        return out;
    }
    // RFC 5019 6.2.
    out.headers.add("ETag", made.etag);
    out.headers.add("Last-Modified", net::http_date(*made.made - kBackdate));
    out.headers.add("Expires", net::http_date(*made.next_update));
    out.headers.add("Cache-Control", fmt::format("max-age={}, public, no-transform, must-revalidate",
                                                 std::min(state_->config.max_age, rest / 2).count()));
    if (request.headers.get("If-None-Match") == made.etag) {
        out.status = 304;
        out.body.clear();
    }
    return out;
}

}  // namespace budkavle::ca
