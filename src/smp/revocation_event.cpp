#include "smp/revocation_event.hpp"

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

}  // namespace budkavle::smp
