#include "messageservice/status.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace budkavle::messageservice {
namespace {

using enum Status;

constexpr std::array kAll{scheduled,
                          submitted,
                          scheduled_for_resend,
                          acknowledge,
                          waiting_for_receipt,
                          message_exchange_error,
                          accepted,
                          rejected,
                          retrieved,
                          receipt_sent,
                          new_message,
                          error};

/// `mt-api.md` 5, written down a second time as the text draws it.
const std::set<std::string> kOut{"SCHEDULED SUBMITTED",
                                 "SUBMITTED ACKNOWLEDGE",
                                 "ACKNOWLEDGE WAITING_FOR_RECEIPT",
                                 "WAITING_FOR_RECEIPT ACCEPTED",
                                 "WAITING_FOR_RECEIPT MESSAGE_EXCHANGE_ERROR",
                                 "WAITING_FOR_RECEIPT REJECTED",
                                 "REJECTED MESSAGE_EXCHANGE_ERROR",
                                 "SUBMITTED SCHEDULED_FOR_RESEND",
                                 "SCHEDULED_FOR_RESEND MESSAGE_EXCHANGE_ERROR",
                                 "SCHEDULED_FOR_RESEND SUBMITTED",
                                 "SUBMITTED MESSAGE_EXCHANGE_ERROR",
                                 "SCHEDULED ERROR",
                                 "SUBMITTED ERROR",
                                 "SCHEDULED_FOR_RESEND ERROR",
                                 "ACKNOWLEDGE ERROR",
                                 "WAITING_FOR_RECEIPT ERROR",
                                 "ERROR MESSAGE_EXCHANGE_ERROR"};
const std::set<std::string> kIn{"RETRIEVED RECEIPT_SENT", "RECEIPT_SENT NEW",   "RETRIEVED MESSAGE_EXCHANGE_ERROR",
                                "RETRIEVED ERROR",        "RECEIPT_SENT ERROR", "ERROR MESSAGE_EXCHANGE_ERROR"};

TEST(Status, ExactlyTheTransitionsOfTheTable) {
    for (const auto from : kAll)
        for (const auto to : kAll) {
            const auto step = std::string(name(from)) + " " + std::string(name(to));
            EXPECT_EQ(may_follow(Direction::out, from, to), kOut.contains(step)) << "out " << step;
            EXPECT_EQ(may_follow(Direction::in, from, to), kIn.contains(step)) << "in " << step;
            EXPECT_EQ(check_transition(Direction::out, from, to).has_value(), kOut.contains(step));
        }
}

TEST(Status, NothingFollowsAFinalStatus) {
    for (const auto from : kAll)
        for (const auto to : kAll)
            if (is_final(from)) {
                EXPECT_FALSE(may_follow(Direction::out, from, to) || may_follow(Direction::in, from, to)) << name(from);
            }
}

TEST(Status, NamesReadBack) {
    for (const auto status : kAll) EXPECT_EQ(parse_status(name(status)), status);
    EXPECT_FALSE(parse_status("new").has_value());
}

}  // namespace
}  // namespace budkavle::messageservice
