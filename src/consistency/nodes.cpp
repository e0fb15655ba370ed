// The register of an SMP in itself, and what its nodes serve of it.
#include <algorithm>

#include "base/bytes.hpp"
#include "consistency/state.hpp"
#include "smp/metadata.hpp"
#include "smp/verify.hpp"

namespace budkavle::consistency {
namespace {

constexpr std::size_t kPage = 500;

struct Url {
    std::string host;
    std::string port;
    std::string path;
};
/// `https://host:port/path`, as configured.
Url parts_of(std::string_view url) {
    Url out;
    if (const auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
    const auto slash = std::min(url.find('/'), url.size());
    out.path = std::string(url.substr(slash));
    const auto authority = url.substr(0, slash);
    const auto colon = authority.rfind(':');
    out.host = std::string(authority.substr(0, colon));
    if (colon != std::string_view::npos) out.port = std::string(authority.substr(colon + 1));
    return out;
}

std::vector<std::string> sorted_prints(const std::vector<smp::PublishedCertificate>& certificates) {
    std::vector<std::string> out;
    for (const auto& one : certificates) out.push_back(one.certificate.sha256_hex());
    std::ranges::sort(out);
    return out;
}

std::vector<std::string> sorted_prints(const smpserver::ParticipantRecord& record, smpserver::CertificateUse use) {
    std::vector<std::string> out;
    for (const auto& one : record.certificates) {
        if (one.use == use && one.unit.empty()) out.push_back(one.certificate.sha256_hex());
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace

Result<> Checker::State::check_register(std::size_t index) {
    const auto& source = sources.smps[index];
    BUDKAVLE_TRY(const auto violations,
                 smpserver::check_invariants(*source.database, clock.now(), sources.patience));
    for (const auto& one : violations) found("smp." + one.invariant, source.name, one.subject, one.text, index);
    BUDKAVLE_TRY(const auto endpoints, smpserver::read_endpoints(*source.database));
    std::set<std::pair<std::string, std::string>> used;
    std::string after;
    while (true) {
        BUDKAVLE_TRY(const auto page, smpserver::read_published(*source.database, after, kPage));
        if (page.empty()) break;
        after = page.back().record.id.folded();
        report.participants += page.size();
        for (const auto& one : page) {
            const auto& record = one.record;
            if (!one.visible) continue;
            if (!one.settled) ++report.pending;
            for (const auto& certificate : record.certificates)
                uses.push_back({certificate.certificate, false, certificate.use,
                                {record.id.text(), record.organisation, record.organisation_number},
                                source.name, record.id.text(), index});
            for (const auto& service : record.services) {
                for (const auto& name : service.endpoints) used.emplace(record.operator_id, name);
            }
        }
    }
    for (const auto& [key, endpoint] : endpoints) {
        if (used.contains(key))
            uses.push_back({endpoint.certificate, true, smpserver::CertificateUse::signing, {}, source.name,
                            key.first + "/" + key.second, index});
    }
    return {};
}

Result<> Checker::State::check_nodes(std::size_t index) {
    const auto& source = sources.smps[index];
    if (source.url.empty()) return {};
    const auto url = parts_of(source.url);
    auto nodes = source.nodes;
    if (nodes.empty()) {
        const auto addresses = sources.outside->resolve()(url.host);
        if (!addresses) found("node.unreachable", source.name, url.host, addresses.error().describe(), index);
        if (addresses) {
            for (const auto& address : *addresses) nodes.push_back({address, 0});
        }
    }
    BUDKAVLE_TRY(const auto endpoints, smpserver::read_endpoints(*source.database));
    for (const auto& node : nodes) {
        const auto port = node.port != 0 ? std::to_string(node.port) : url.port;
        const auto base = "https://" + url.host + (port.empty() ? "" : ":" + port) + url.path;
        const auto place = node.address.empty() ? base : node.address + (port.empty() ? "" : ":" + port);
        const auto to_node = client_to(node.address, false);
        // One question decides whether the rest is worth asking.
        if (const auto alive = to_node->send({.url = smp::join_url(base, "/")}); !alive) {
            found("node.unreachable", place, url.host, alive.error().describe(), index);
            continue;
        }
        std::string after;
        while (true) {
            BUDKAVLE_TRY(const auto page, smpserver::read_published(*source.database, after, kPage));
            if (page.empty()) break;
            after = page.back().record.id.folded();
            check_answers(index, *to_node, base, place, page, endpoints);
        }
        BUDKAVLE_TRY(const auto removed, smpserver::read_removed(*source.database));
        in_parallel(removed.size(), [&](std::size_t i) {
            const auto answer = to_node->send({.url = smp::join_url(base, smp::url_path(smp::parse_participant(removed[i])))});
            if (answer && answer->status == 200) found("served.visible", place, removed[i], {}, index);
        });
    }
    return {};
}

void Checker::State::check_answers(
    std::size_t index, net::Client& to_node, const std::string& base, const std::string& place,
    const std::vector<smpserver::Published>& page,
    const std::map<std::pair<std::string, std::string>, smpserver::UsedEndpoint>& endpoints) {
    const auto fetch = [&](const smp::Identifier& who, const std::string& document) {
        const auto path = document.empty() ? smp::url_path(who) : smp::url_path(who, smp::document(document));
        return to_node.send({.url = smp::join_url(base, path), .max_response = smp::kMaxAnswer});
    };
    const auto judge = [&](const smpserver::Published& one, const std::string& document, const Bytes& octets) {
        const auto id = one.record.id.text();
        smp::Expectation expectation;
        expectation.participant = smp::participant(one.record.id);
        expectation.document = smp::document(document);
        for (const auto& profile : federation::transport_profiles()) expectation.profiles.push_back(profile.id);
        expectation.smp_trust = sources.world.smp_trust.get();
        expectation.ap_trust = sources.world.ap_trust.get();
        expectation.crls = sources.outside->revocation().get();
        expectation.revocation = sources.world.revocation;
        expectation.at = clock.now();
        const auto verdict = smp::verify_metadata(octets, expectation);
        if (!verdict.metadata) {
            const bool not_yet = verdict.error && verdict.error->code == "smp.not_active";
            if (!not_yet)
                found("served.invalid", place, id, verdict.reason + ": " + (verdict.error ? verdict.error->describe() : ""), index);
            return;
        }
        const auto& told = *verdict.metadata;
        const auto service = std::ranges::find(one.record.services, document, &smpserver::ServiceRecord::document);
        const bool endpoint_fits =
            service != one.record.services.end() && std::ranges::any_of(service->endpoints, [&](const auto& name) {
                const auto known = endpoints.find({one.record.operator_id, name});
                return known != endpoints.end() && known->second.record.uri == told.endpoint.uri &&
                       known->second.record.profile == told.endpoint.profile &&
                       known->second.certificate == told.endpoint.certificate;
            });
        if (!endpoint_fits) found("served.content", place, id, "endpoint " + told.endpoint.uri, index);
        if (sorted_prints(told.signing) != sorted_prints(one.record, smpserver::CertificateUse::signing) ||
            sorted_prints(told.encryption) != sorted_prints(one.record, smpserver::CertificateUse::encryption))
            found("served.content", place, id, "certificates of the participant", index);
    };
    in_parallel(page.size(), [&](std::size_t i) {
        const auto& one = page[i];
        const auto id = one.record.id.text();
        const auto who = smp::participant(one.record.id);
        if (!one.settled) return;
        std::size_t fetched = 0;
        for (const auto& [document, octets] : one.answers) {
            const auto answer = fetch(who, document);
            ++fetched;
            if (!answer || answer->status != 200) {
                found("served.missing", place, id, answer ? "status " + std::to_string(answer->status) : answer.error().describe(), index);
                continue;
            }
            if (as_text(answer->body) != octets) found("served.different", place, id, document, index);
            if (!document.empty()) judge(one, document, answer->body);
        }
        auto absent = one.gone;
        if (one.answers.empty() && absent.empty()) absent.emplace_back();
        for (const auto& document : absent) {
            const auto answer = fetch(who, document);
            ++fetched;
            if (answer && answer->status == 200) found("served.visible", place, id, document, index);
        }
        const std::lock_guard lock(mutex);
        report.answers += fetched;
    });
}

}  // namespace budkavle::consistency
