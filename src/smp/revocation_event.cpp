#include "smp/revocation_event.hpp"

#include "obs/log.hpp"

namespace budkavle::smp {

std::string_view name_of(RevocationEvent::Kind kind) {
    switch (kind) {
        case RevocationEvent::Kind::failed:
            return "revocation.failed";
        case RevocationEvent::Kind::recovered:
            return "revocation.recovered";
        case RevocationEvent::Kind::late:
            return "revocation.late";
        case RevocationEvent::Kind::ended:
            return "revocation.ended";
        case RevocationEvent::Kind::unknown:
            return "revocation.unknown_certificate";
    }
    return "revocation";
}

bool is_alarm(RevocationEvent::Kind kind) {
    return kind == RevocationEvent::Kind::late || kind == RevocationEvent::Kind::ended ||
           kind == RevocationEvent::Kind::unknown;
}

OnRevocationEvent log_to(obs::Log& log) {
    return [&log](const RevocationEvent& event) {
        auto fields = obs::error_fields(event.error);
        fields.push_back({"url", event.source});
        if (!event.subject.empty()) fields.push_back({"certificateSha256", event.subject});
        log.technical(is_alarm(event.kind) ? obs::Level::error : obs::Level::warning, name_of(event.kind), fields);
    };
}

}  // namespace budkavle::smp
