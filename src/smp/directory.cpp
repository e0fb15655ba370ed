#include "smp/directory.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

#include "smp/bdxl.hpp"
#include "smp/crisis.hpp"

namespace budkavle::smp {
namespace {

constexpr std::chrono::seconds kMaxNegative{60};

class Steps {
public:
    explicit Steps(std::vector<LookupStep>* steps) : steps_(steps) {}
    void add(std::string_view name, std::string detail) {
        if (steps_ != nullptr) steps_->push_back({std::string(name), std::move(detail), std::nullopt});
    }
    /// Records the failure of a step and hands the error on.
    std::unexpected<Error> failed(std::string_view name, std::string detail, Error error) {
        if (steps_ != nullptr) steps_->push_back({std::string(name), std::move(detail), error});
        return std::unexpected(std::move(error));
    }

private:
    std::vector<LookupStep>* steps_;
};

Error made(std::unexpected<Error> error) {
    return std::move(error).error();
}

/// An answer other than 200 and 404. Never follows a 3xx (`smp.md` 1.2).
Error unexpected_status(int status) {
    const auto text = "The SMP answered with HTTP status " + std::to_string(status) + ".";
    if (status >= 300 && status < 400 && status != 304) return made(fail("smp.redirect", "FED-01", "SMP", text));
    return made(
        fail("smp.http", "FED-01", "SMP", text, {}, status == 429 || status >= 500 ? Retry::later : Retry::never));
}

Error unreachable(Error error) {
    // Connection, time-out and TLS faults of the SMP are temporary for the sender; the cause stays in the text.
    return made(fail("smp.unreachable", error.rule, error.code, "The SMP cannot be reached: " + error.text,
                     error.remedy, Retry::later));
}

/// Another page, half a document, no signature or a foreign one (AP-16): not the SMP's answer, so it says nothing about
/// the receiver. Like an SMP that is not there it is worth another look later (`access-point.md` 3 step 4); "not
/// registered" and faults of what the SMP did sign stay final.
Error hold_if_not_the_smps(Error error) {
    static constexpr std::array<std::string_view, 7> kNotItsAnswer{
        "smp.malformed", "smp.schema", "smp.signature", "smp.trust", "smp.http", "smp.redirect", "smp.id_mismatch"};
    const bool signer_revoked = error.code == "smp.revoked" && error.rule == "AP-16";
    if (signer_revoked || std::ranges::find(kNotItsAnswer, error.code) != kNotItsAnswer.end())
        error.retry = Retry::later;
    return error;
}

}  // namespace

struct Directory::State {
    DirectoryConfig config;
    const dns::Resolver& resolver;
    net::Client& client;
    const Clock& clock;

    struct Cached {
        Result<Metadata> result;
        Time stored;
        Time until;
    };
    std::mutex mutex;
    std::map<std::pair<std::string, std::string>, Cached> cache;
    CrisisStore verified;

    State(DirectoryConfig c, const dns::Resolver& r, net::Client& n, const Clock& k)
        : config(std::move(c)), resolver(r), client(n), clock(k), verified(config.crisis) {}

    std::optional<Result<Metadata>> cached(const std::pair<std::string, std::string>& key) {
        const auto now = clock.now();
        const std::lock_guard lock(mutex);
        const auto found = cache.find(key);
        if (found == cache.end()) return std::nullopt;
        // A clock that was set back must not make an entry live longer.
        if (now < found->second.stored || now >= found->second.until) {
            cache.erase(found);
            return std::nullopt;
        }
        return found->second.result;
    }

    /// Keeps answers and "not registered"; no other failure is remembered.
    void remember(const std::pair<std::string, std::string>& key, const Result<Metadata>& result) {
        const auto now = clock.now();
        std::chrono::seconds life{0};
        if (result) {
            life = config.cache;
        } else if (result.error().code == "smp.not_registered") {
            life = std::min(config.not_registered_cache, kMaxNegative);
        }
        const std::lock_guard lock(mutex);
        cache.erase(key);
        if (life.count() <= 0 || config.cache_entries == 0) return;
        if (cache.size() >= config.cache_entries)
            std::erase_if(cache, [&](const auto& entry) { return now >= entry.second.until; });
        if (cache.size() >= config.cache_entries) cache.clear();
        cache.emplace(key, Cached{result, now, now + life});
    }

    Result<net::ClientResponse> get(const std::string& url) const {
        net::ClientRequest request;
        request.url = url;
        request.headers.add("Accept", "text/xml, application/xml");
        request.max_response = kMaxAnswer;
        return client.send(request);
    }

    /// 404 for the metadata: is the participant unknown to this SMP, or only the document?
    Error not_found(const std::string& base, const Identifier& participant) const {
        const auto group = get(join_url(base, url_path(participant)));
        if (group && group->status == 200) {
            return made(fail("smp.no_document", "FED-01", "SMP", "The participant does not take this document type.",
                             "Send a document type that the receiver has published."));
        }
        if (group && group->status == 404)
            return made(fail("smp.no_group", "FED-01", "SMP",
                             "The SMP does not know the participant that the locator sends to it."));
        if (!group) return unreachable(group.error());
        return unexpected_status(group->status);
    }

    Verdict judge(ByteView answer, const Identifier& who, const Identifier& what) const {
        Expectation expectation;
        expectation.participant = who;
        expectation.document = what;
        expectation.profiles = config.profiles;
        expectation.smp_trust = config.smp_trust.get();
        expectation.ap_trust = config.ap_trust.get();
        expectation.crls = config.crls.get();
        expectation.revocation = config.revocation;
        expectation.at = clock.now();
        return verify_metadata(answer, expectation);
    }

    /// Crisis mode: what an outage leaves of an earlier look-up; the outage itself when there is nothing, or it is no
    /// longer good.
    Result<Metadata> in_crisis(const federation::ParticipantId& id, const std::string& document_id, Error cause) {
        if (!is_outage(cause)) return std::unexpected(std::move(cause));
        const auto kept = verified.find({id.folded(), document_id}, clock.now());
        if (!kept) return std::unexpected(std::move(cause));
        auto verdict = judge(kept->answer, participant(id), document(document_id));
        if (!verdict.metadata) return std::unexpected(std::move(cause));
        if (config.on_crisis) config.on_crisis(id, kept->verified, cause);
        return *std::move(verdict.metadata);
    }

    Result<Metadata> look_up(const federation::ParticipantId& id, const std::string& document_id, Steps steps) {
        const auto who = participant(id);
        const auto what = document(document_id);
        const auto name = dns_name(who, config.zone);
        steps.add("dns-name", name);

        std::vector<std::string> visited;
        auto base = find_smp(resolver, name, &visited);
        if (!base) return steps.failed("naptr", visited.empty() ? name : visited.back(), std::move(base).error());
        steps.add("naptr", *base);

        const auto url = join_url(*base, url_path(who, what));
        auto answer = get(url);
        if (!answer && answer.error().code == "http.too_long") {
            return steps.failed("smp", url,
                                made(fail("smp.malformed", "smp.md 1.7", "SMP", "The answer is longer than 256 kB.")));
        }
        if (!answer) return steps.failed("smp", url, unreachable(std::move(answer).error()));
        if (answer->status == 404) return steps.failed("smp", url, not_found(*base, who));
        if (answer->status != 200) return steps.failed("smp", url, unexpected_status(answer->status));
        steps.add("smp", url);

        auto verdict = judge(answer->body, who, what);
        if (!verdict.metadata) return steps.failed("metadata", verdict.reason, *std::move(verdict.error));
        verified.keep({id.folded(), document_id}, answer->body, clock.now());
        steps.add("metadata", "signed by " + verdict.metadata->signer.sha256_hex());
        steps.add("endpoint", verdict.metadata->endpoint.uri + " " + verdict.metadata->endpoint.profile + " " +
                                  verdict.metadata->endpoint.certificate.sha256_hex());
        for (const auto& published : verdict.metadata->signing)
            steps.add("certpub", "signing " + published.certificate.sha256_hex());
        for (const auto& published : verdict.metadata->encryption)
            steps.add("certpub", "encryption " + published.certificate.sha256_hex());
        return *std::move(verdict.metadata);
    }
};

Directory::Directory(DirectoryConfig config, const dns::Resolver& resolver, net::Client& client, const Clock& clock)
    : state_(std::make_unique<State>(std::move(config), resolver, client, clock)) {}
Directory::~Directory() = default;

Result<Metadata> Directory::lookup(const federation::ParticipantId& participant, const std::string& document,
                                   std::vector<LookupStep>* steps) {
    const std::pair key(participant.folded(), document);
    if (steps == nullptr) {
        if (auto known = state_->cached(key)) return *std::move(known);
    }
    auto result = state_->look_up(participant, document, Steps(steps));
    if (!result) result = std::unexpected(hold_if_not_the_smps(std::move(result).error()));
    state_->remember(key, result);
    if (result || steps != nullptr) return result;  // a trace shows what is
    if (result.error().retry == Retry::never) state_->verified.drop(key);
    return state_->in_crisis(participant, document, std::move(result).error());
}

void Directory::forget() {
    const std::lock_guard lock(state_->mutex);
    state_->cache.clear();
}

}  // namespace budkavle::smp
