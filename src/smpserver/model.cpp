#include "smpserver/model.hpp"

#include <array>

namespace budkavle::smpserver {
namespace {

template <class E, std::size_t N>
std::string_view name_in(const std::array<std::string_view, N>& names, E value) {
    const auto at = static_cast<std::size_t>(value);
    return at < N ? names[at] : std::string_view{};
}
template <class E, std::size_t N>
std::optional<E> value_in(const std::array<std::string_view, N>& names, std::string_view text) {
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i] == text) return static_cast<E>(i);
    }
    return std::nullopt;
}

constexpr std::array<std::string_view, 4> kRoles{"system", "federation", "operator", "operator+"};
constexpr std::array<std::string_view, 3> kOperatorStates{"active", "suspended", "closed"};
constexpr std::array<std::string_view, 3> kStatus{"pending", "approved", "rejected"};
constexpr std::array<std::string_view, 4> kPublishStates{"none", "queued", "published", "failed"};
constexpr std::array<std::string_view, 2> kUses{"signing", "encryption"};
constexpr std::array<std::string_view, 4> kPlannedStates{"planned", "done", "failed", "cancelled"};
constexpr std::array<std::string_view, 4> kBulkStates{"signing", "done", "failed", "cancelled"};
constexpr std::array<std::string_view, 3> kLocatorStates{"queued", "published", "failed"};
constexpr std::array<std::string_view, 4> kKinds{"operator", "ap-certificate", "endpoint", "participant"};

}  // namespace

std::string_view to_string(Role role) {
    return name_in(kRoles, role);
}
std::string_view to_string(OperatorState state) {
    return name_in(kOperatorStates, state);
}
std::string_view to_string(Status status) {
    return name_in(kStatus, status);
}
std::string_view to_string(PublishState state) {
    return name_in(kPublishStates, state);
}
std::string_view to_string(CertificateUse use) {
    return name_in(kUses, use);
}
std::string_view to_string(PlannedState state) {
    return name_in(kPlannedStates, state);
}
std::string_view to_string(BulkState state) {
    return name_in(kBulkStates, state);
}
std::string_view to_string(LocatorState state) {
    return name_in(kLocatorStates, state);
}
std::string_view to_string(ObjectKind kind) {
    return name_in(kKinds, kind);
}
std::optional<Role> parse_role(std::string_view text) {
    return value_in<Role>(kRoles, text);
}
std::optional<OperatorState> parse_operator_state(std::string_view text) {
    return value_in<OperatorState>(kOperatorStates, text);
}
std::optional<Status> parse_status(std::string_view text) {
    return value_in<Status>(kStatus, text);
}
std::optional<PublishState> parse_publish_state(std::string_view text) {
    return value_in<PublishState>(kPublishStates, text);
}
std::optional<CertificateUse> parse_certificate_use(std::string_view text) {
    return value_in<CertificateUse>(kUses, text);
}
std::optional<PlannedState> parse_planned_state(std::string_view text) {
    return value_in<PlannedState>(kPlannedStates, text);
}
std::optional<BulkState> parse_bulk_state(std::string_view text) {
    return value_in<BulkState>(kBulkStates, text);
}
std::optional<LocatorState> parse_locator_state(std::string_view text) {
    return value_in<LocatorState>(kLocatorStates, text);
}
std::optional<ObjectKind> parse_object_kind(std::string_view text) {
    return value_in<ObjectKind>(kKinds, text);
}

}  // namespace budkavle::smpserver
