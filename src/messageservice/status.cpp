#include "messageservice/status.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace budkavle::messageservice {
namespace {

struct Named {
    Status status;
    std::string_view name;
};
constexpr std::array kNames{
    Named{Status::scheduled, "SCHEDULED"},
    Named{Status::submitted, "SUBMITTED"},
    Named{Status::scheduled_for_resend, "SCHEDULED_FOR_RESEND"},
    Named{Status::acknowledge, "ACKNOWLEDGE"},
    Named{Status::waiting_for_receipt, "WAITING_FOR_RECEIPT"},
    Named{Status::message_exchange_error, "MESSAGE_EXCHANGE_ERROR"},
    Named{Status::accepted, "ACCEPTED"},
    Named{Status::rejected, "REJECTED"},
    Named{Status::retrieved, "RETRIEVED"},
    Named{Status::receipt_sent, "RECEIPT_SENT"},
    Named{Status::new_message, "NEW"},
    Named{Status::error, "ERROR"},
};

struct Step {
    Direction direction;
    Status from;
    Status to;
};
constexpr std::array kSteps{
    Step{Direction::out, Status::scheduled, Status::submitted},
    Step{Direction::out, Status::scheduled, Status::error},
    Step{Direction::out, Status::submitted, Status::acknowledge},
    Step{Direction::out, Status::submitted, Status::scheduled_for_resend},
    Step{Direction::out, Status::submitted, Status::message_exchange_error},  // permanent transport failure
    Step{Direction::out, Status::submitted, Status::error},
    Step{Direction::out, Status::scheduled_for_resend, Status::submitted},
    Step{Direction::out, Status::scheduled_for_resend, Status::message_exchange_error},
    Step{Direction::out, Status::scheduled_for_resend, Status::error},
    Step{Direction::out, Status::acknowledge, Status::waiting_for_receipt},
    Step{Direction::out, Status::acknowledge, Status::error},
    Step{Direction::out, Status::waiting_for_receipt, Status::accepted},
    Step{Direction::out, Status::waiting_for_receipt, Status::rejected},
    Step{Direction::out, Status::waiting_for_receipt, Status::message_exchange_error},  // no message receipt in time
    Step{Direction::out, Status::waiting_for_receipt, Status::error},
    Step{Direction::out, Status::rejected, Status::message_exchange_error},  // K30
    Step{Direction::out, Status::error, Status::message_exchange_error},
    Step{Direction::in, Status::retrieved, Status::receipt_sent},
    Step{Direction::in, Status::retrieved, Status::message_exchange_error},  // receipt not deliverable
    Step{Direction::in, Status::retrieved, Status::error},
    Step{Direction::in, Status::receipt_sent, Status::new_message},
    Step{Direction::in, Status::receipt_sent, Status::error},
    Step{Direction::in, Status::error, Status::message_exchange_error},
};

}  // namespace

std::string_view name(Direction direction) {
    return direction == Direction::out ? "out" : "in";
}

std::string_view name(Status status) {
    return std::ranges::find(kNames, status, &Named::status)->name;
}

std::optional<Status> parse_status(std::string_view text) {
    const auto found = std::ranges::find(kNames, text, &Named::name);
    return found == kNames.end() ? std::nullopt : std::optional(found->status);
}

bool may_follow(Direction direction, Status from, Status to) {
    return std::ranges::any_of(
        kSteps, [&](const Step& step) { return step.direction == direction && step.from == from && step.to == to; });
}

bool is_final(Status status) {
    return status == Status::new_message || status == Status::accepted || status == Status::message_exchange_error;
}

Result<> check_transition(Direction direction, Status from, Status to) {
    if (may_follow(direction, from, to)) return {};
    return fail("mt.status", "", std::string(name(direction)),
                std::string(name(to)) + " may not follow " + std::string(name(from)) + ".");
}

}  // namespace budkavle::messageservice
