#include "accesspoint/figures.hpp"

#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "accesspoint/schema.hpp"

namespace budkavle::accesspoint {
namespace {

namespace fs = std::filesystem;

constexpr auto kBlobInterval = std::chrono::minutes(1);  // walking a folder of a million files is not free

/// "EBMS:0101" and nothing else: peers choose what stands in an error.
std::string_view ebms(const std::string& code) {
    const bool known = code.size() == 9 && code.starts_with("EBMS:") &&
                       std::ranges::all_of(code.substr(5), [](unsigned char c) { return std::isdigit(c) != 0; });
    return code.empty() ? std::string_view() : known ? std::string_view(code) : std::string_view("other");
}

double seconds_of(auto duration) {
    return std::chrono::duration<double>(duration).count();
}

double resident_bytes() {
    std::ifstream in("/proc/self/statm");
    double total = 0;
    double resident = 0;
    in >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    const auto of = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return of(use.ru_utime) + of(use.ru_stime);
}

double size_of(const fs::path& file) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    return error ? 0 : static_cast<double>(size);
}

}  // namespace

std::int64_t days_left(const crypto::Certificate& certificate, Time now) {
    return std::chrono::floor<std::chrono::days>(certificate.not_after() - now).count();
}

Figures::Figures(const AccessPointConfig& config, store::Database& database, const crypto::CrlStore& crls,
                 const Clock& clock)
    : config_(config),
      database_(database),
      crls_(crls),
      clock_(clock),
      events_(metrics_.counter({.name = "budkavle_ap_events_total",
                                .help = "Events of transfers: as4.received, as4.delivered, as4.sending (attempts), …",
                                .labels = {"direction", "event"}})),
      refused_(metrics_.counter({.name = "budkavle_ap_refused_total",
                                 .help = "Incoming messages refused, by cause and ebMS code.",
                                 .labels = {"cause", "code"},
                                 .max_series = 128})),
      failures_(metrics_.counter({.name = "budkavle_ap_send_failures_total",
                                  .help = "Attempts and look-ups that failed, by cause and ebMS code of the peer.",
                                  .labels = {"cause", "code"},
                                  .max_series = 128})),
      octets_(metrics_.counter({.name = "budkavle_ap_octets_total",
                                .help = "Octets of envelopes delivered to a peer (out) and taken from one (in).",
                                .labels = {"direction"}})),
      handshakes_(metrics_.counter({.name = "budkavle_ap_handshakes_refused_total",
                                    .help = "TLS connections refused, by interface and cause.",
                                    .labels = {"interface", "cause"}})),
      exchanges_(metrics_.histogram({.name = "budkavle_ap_exchange_seconds",
                                     .help = "Duration of one AS4 exchange in seconds.",
                                     .labels = {"direction"}})),
      queue_(metrics_.gauge({.name = "budkavle_ap_queue_messages",
                             .help = "Messages waiting: send (for a peer), fetch (for a message service).",
                             .labels = {"queue"}})),
      oldest_(metrics_.gauge({.name = "budkavle_ap_queue_oldest_seconds",
                              .help = "Age in seconds of the oldest message that waits.",
                              .labels = {"queue"}})),
      list_age_(metrics_.gauge({.name = "budkavle_ap_revocation_list_age_seconds",
                                .help = "Seconds since thisUpdate of the list in use.",
                                .labels = {"issuer"}})),
      list_left_(metrics_.gauge({.name = "budkavle_ap_revocation_list_left_seconds",
                                 .help = "Seconds until nextUpdate of the list in use; negative when it has passed.",
                                 .labels = {"issuer"}})),
      certificate_days_(metrics_.gauge({.name = "budkavle_ap_certificate_days_left",
                                        .help = "Days until an own certificate ends (AP-19).",
                                        .labels = {"use"}})),
      stored_(metrics_.gauge({.name = "budkavle_ap_stored_bytes",
                              .help = "Octets on disk of database and message files.",
                              .labels = {"what"}})),
      disk_free_(metrics_.gauge({.name = "budkavle_ap_disk_free_bytes",
                                 .help = "Octets free on the disk of the data folder.",
                                 .labels = {}})),
      memory_(metrics_.gauge({.name = "budkavle_ap_resident_memory_bytes",
                              .help = "Resident memory of the process in octets.",
                              .labels = {}})),
      cpu_(metrics_.gauge({.name = "budkavle_ap_cpu_seconds",
                           .help = "User and system time of the process since its start in seconds.",
                           .labels = {}})),
      clock_synchronised_(
          metrics_.gauge({.name = "budkavle_ap_clock_synchronised",
                          .help = "1 when the kernel says that its clock follows a time source (SEC-70).",
                          .labels = {}})) {
    metrics_.on_collect([this] { look(); });
}

void Figures::count(const TransferEvent& event) {
    const std::string_view direction = event.outgoing ? "out" : "in";
    events_.add({direction, event.name});
    if (event.name == "as4.received" || event.name == "as4.delivered")
        octets_.add({direction}, static_cast<double>(event.bytes));
    if (event.name == "as4.refused") {
        refused_.add({event.error_code, ebms(event.ebms_code)});
    } else if (event.outgoing && !event.error_code.empty()) {
        failures_.add({event.error_code, ebms(event.ebms_code)});
    }
}

void Figures::handshake_refused(std::string_view interface, std::string_view cause) {
    handshakes_.add({interface, cause});
}

void Figures::exchange(std::string_view direction, std::chrono::steady_clock::duration took) {
    exchanges_.observe({direction}, seconds_of(took));
}

void Figures::look() {
    look_at_queues();
    look_at_certificates();
    look_at_disk();
    memory_.set(resident_bytes());
    cpu_.set(cpu_seconds());
    timex state{};
    const int status = ::adjtimex(&state);
    clock_synchronised_.set(status >= 0 && status != TIME_ERROR && (state.status & STA_UNSYNC) == 0 ? 1 : 0);
}

void Figures::look_at_queues() {
    const auto now = clock_.now();
    const auto one = [&](store::Transaction& tx, std::string_view name, std::string_view sql) -> Result<> {
        BUDKAVLE_TRY(const auto rows, tx.query(sql));
        queue_.set({name}, static_cast<double>(rows.front().integer(0)));
        oldest_.set({name},
                    rows.front().is_null(1) ? 0 : std::max(0.0, seconds_of(now - loaded(rows.front().integer(1)))));
        return {};
    };
    (void)database_.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(
            one(tx, "send", "SELECT COUNT(*), MIN(created) FROM outgoing WHERE state IN ('queued', 'sending')"));
        return one(tx, "fetch", "SELECT COUNT(*), MIN(received) FROM incoming WHERE state = 'available'");
    });
}

void Figures::look_at_certificates() {
    const auto now = clock_.now();
    list_age_.clear();
    list_left_.clear();
    for (const auto& list : crls_.all()) {
        list_age_.set({list.issuer()}, seconds_of(now - list.this_update()));
        if (const auto end = list.next_update()) list_left_.set({list.issuer()}, seconds_of(*end - now));
    }
    const auto set = [&](std::string_view use, const crypto::Certificate& certificate) {
        certificate_days_.set({use}, static_cast<double>(days_left(certificate, now)));
    };
    set("as4", config_.as4.certificate());
    set("interface_a", config_.a.identity.certificate());
    set("interface_c", config_.c.identity.certificate());
    if (config_.o) set("interface_o", config_.o->identity.certificate());
}

void Figures::look_at_disk() {
    std::error_code error;
    const auto space = fs::space(config_.folder, error);
    if (!error) disk_free_.set(static_cast<double>(space.available));
    const auto database = config_.folder / "accesspoint.db";
    stored_.set({"database"}, size_of(database) + size_of(database.string() + "-wal"));
    const std::lock_guard lock(blobs_lock_);
    const auto now = std::chrono::steady_clock::now();
    if (blobs_looked_ == std::chrono::steady_clock::time_point{} || now - blobs_looked_ > kBlobInterval) {
        blobs_looked_ = now;
        blob_bytes_ = 0;
        for (fs::directory_iterator it(config_.folder / "blobs", error), end; !error && it != end; it.increment(error))
            blob_bytes_ += size_of(it->path());
    }
    stored_.set({"messages"}, blob_bytes_);
}

}  // namespace budkavle::accesspoint
