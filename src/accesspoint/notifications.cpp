#include "accesspoint/notifications.hpp"

#include <boost/json.hpp>
#include <map>

#include "accesspoint/access.hpp"
#include "accesspoint/long_poll.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

constexpr std::int64_t kPage = 100;

/// What a message service is told of; everything else in the log it did itself.
std::string_view kind_of(const std::string& event) {
    static const std::map<std::string, std::string_view, std::less<>> kKinds{
        {"as4.queued", "status"},       {"as4.sending", "status"},  {"as4.attempt_failed", "status"},
        {"as4.not_sendable", "status"}, {"as4.delivered", "status"}, {"as4.resent", "status"},
        {"as4.failed", "failure"},      {"as4.unconfirmed", "failure"},
        {"as4.received", "incoming"},   {"as4.refused", "refused"}};
    const auto found = kKinds.find(event);
    return found == kKinds.end() ? std::string_view() : found->second;
}

struct Page {
    json::array notifications;
    std::int64_t position = 0;  ///< of the last event looked at
    bool full = false;
};

Result<Page> read_page(const Workshop& workshop, const federation::ParticipantId& participant, std::int64_t after) {
    Page page;
    BUDKAVLE_CHECK(workshop.database.read([&](store::Transaction& tx) -> Result<> {
        page = {.notifications = {}, .position = after, .full = false};
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT position, event, facts FROM event WHERE participant = ?1 AND"
                                               " position > ?2 ORDER BY position LIMIT ?3",
                                               {participant.folded(), after, kPage}));
        for (const auto& row : rows) {
            page.position = row.integer(0);
            const auto kind = kind_of(row.text(1));
            if (kind.empty()) continue;
            page.notifications.push_back(
                {{"position", row.integer(0)}, {"kind", kind}, {"event", json::parse(row.text(2))}});
        }
        page.full = static_cast<std::int64_t>(rows.size()) == kPage;
        return {};
    }));
    return page;
}

}  // namespace

net::Response Notifications::list(const net::Request& request, const federation::ParticipantId& participant) const {
    const auto poll = read_long_poll(request);
    if (!poll) return answer_for(poll.error());
    auto from = poll->after;
    while (true) {
        const auto seen = workshop_.arrivals.rings();
        const auto page = read_page(workshop_, participant, from);
        if (!page) return answer_for(page.error());
        from = page->position;
        if (page->notifications.empty() && (page->full || poll->wait(workshop_.arrivals, seen))) continue;
        return net::json_response(200, json::serialize(json::object{{"position", page->position},
                                                                    {"notifications", page->notifications}}));
    }
}

}  // namespace budkavle::accesspoint
