/// `budkavle backup`, `restore` and `held`: the store of an access point, or the register of an SMP, as one encrypted whole,
/// back again, and the decisions that a restored old state asks for (SEC-100…SEC-102).

#include <fmt/format.h>

#include <algorithm>

#include "accesspoint/backup.hpp"
#include "accesspoint/restoration.hpp"
#include "accesspoint/schema.hpp"
#include "command.hpp"
#include "config.hpp"
#include "smpserver/register_backup.hpp"
#include "store/blob.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;

struct Options {
    std::string config;
    std::string folder;
    std::string key;
    std::string id;
    std::string lost;
    bool json = false;
};

struct HeldOptions {
    std::string config;
    std::vector<std::string> ids;
    bool all = false;
    std::string direction;
    std::string action;
    std::string who;
    std::string reason;
    bool json = false;
};

constexpr unsigned kMostHeld = 100'000;

Result<Config> good_config(const std::string& file) {
    BUDKAVLE_TRY(auto config, load_config(file));
    if (!config.faults.empty())
        return fail("usage.config", {}, config.faults.front().place, config.faults.front().text);
    return config;
}

Result<accesspoint::AccessPointConfig> access_point_of(const std::string& file) {
    BUDKAVLE_TRY(auto config, good_config(file));
    if (!config.ap) return fail("usage.config", {}, file, "The configuration has no role [ap].");
    return std::move(*config.ap);
}

Result<SecretBytes> existing_key(const std::string& file) {
    if (!std::filesystem::exists(file))
        return fail("file.missing", {}, file, "The key of the backup is not there.");
    return store::load_or_create_key(file);
}

/// The register of an SMP, when the configuration administers one and is no access point's.
std::optional<smpserver::RegisterConfig> register_of(const Config& config) {
    return config.ap || !config.admin ? std::nullopt : config.admin->smp;
}

void tell_new_key() {
    fmt::print("{}\n", tr("The key file is new. Keep it, and the key of the store, apart from the backups.",
                          "Nyckelfilen är ny. Förvara den, och lagringens nyckel, skilda från säkerhetskopiorna."));
}

Result<Exit> backup(const Options& options) {
    const bool fresh = !std::filesystem::exists(options.key);
    BUDKAVLE_TRY(const auto config, good_config(options.config));
    if (const auto smp = register_of(config)) {
        BUDKAVLE_TRY(const auto key, store::load_or_create_key(options.key));
        BUDKAVLE_TRY(const auto report, smpserver::back_up_register(*smp, options.folder, key, system_clock().now()));
        if (options.json) {
            print_json({{"id", report.id}, {"taken", format_utc(report.taken)}, {"rows", report.rows}});
            return Exit::yes;
        }
        fmt::print(fmt::runtime(tr("{}: {} rows, state of {}\n", "{}: {} rader, läget {}\n")), report.id, report.rows,
                   format_utc(report.taken));
        if (fresh) tell_new_key();
        return Exit::yes;
    }
    BUDKAVLE_TRY(const auto ap, access_point_of(options.config));
    BUDKAVLE_TRY(const auto key, store::load_or_create_key(options.key));
    BUDKAVLE_TRY(const auto report, accesspoint::take_backup(ap, options.folder, key, system_clock().now()));
    if (options.json) {
        print_json({{"id", report.id},
                    {"taken", format_utc(report.taken)},
                    {"rows", report.rows},
                    {"blobs", report.blobs},
                    {"finishedMeanwhile", report.finished}});
        return Exit::yes;
    }
    fmt::print(fmt::runtime(tr("{}: {} rows, {} blobs, state of {}\n", "{}: {} rader, {} blobar, läget {}\n")), report.id,
               report.rows, report.blobs, format_utc(report.taken));
    if (fresh) tell_new_key();
    return Exit::yes;
}

Result<Exit> restore_smp(const Options& options, const Config& config, const smpserver::RegisterConfig& smp) {
    BUDKAVLE_TRY(const auto key, existing_key(options.key));
    const auto now = system_clock().now();
    BUDKAVLE_TRY(const auto report, smpserver::restore_register(smp, options.folder, options.id, key, now));
    BUDKAVLE_TRY(const auto log, obs::Log::open(config.log_folder, config.component, system_clock()));
    log->audit("host", "register.restored", {{"backup", report.id}, {"taken", format_utc(report.taken)}, {"abandoned", report.abandoned}});
    if (options.json) {
        print_json({{"id", report.id},
                    {"taken", format_utc(report.taken)},
                    {"answers", report.answers},
                    {"located", report.located},
                    {"abandoned", report.abandoned}});
        return Exit::yes;
    }
    fmt::print(fmt::runtime(tr("Restored {}: state of {}, {} published answers; {} locator entries are brought in again.\n"
                               "{} planned or bulk changes were due meanwhile and are marked failed: make them anew if they still hold.\n",
                               "Återställde {}: läget {}, {} publicerade svar; {} lokaliseringsposter förs in på nytt.\n"
                               "{} planerade ändringar eller massändringar hann förfalla och är märkta misslyckade: gör om dem om de fortfarande gäller.\n")),
               report.id, format_utc(report.taken), report.answers, report.located, report.abandoned);
    return Exit::yes;
}

Result<Exit> restore(const Options& options) {
    BUDKAVLE_TRY(const auto config, good_config(options.config));
    if (const auto smp = register_of(config)) return restore_smp(options, config, *smp);
    BUDKAVLE_TRY(const auto ap, access_point_of(options.config));
    BUDKAVLE_TRY(const auto key, existing_key(options.key));
    BUDKAVLE_TRY(const auto lost, time_of(options.lost));
    BUDKAVLE_TRY(
        const auto report,
        accesspoint::restore_backup(
            ap, {.from = options.folder, .id = options.id, .lost = lost, .now = system_clock().now()}, key));
    if (options.json) {
        print_json({{"id", report.id},
                    {"taken", format_utc(report.taken)},
                    {"lost", format_utc(lost)},
                    {"blobs", report.blobs},
                    {"held", report.held}});
        return Exit::yes;
    }
    fmt::print(fmt::runtime(tr("Restored {}: state of {}, {} blobs.\n"
                               "{} messages are held: nothing of them is sent or handed over until you decide (budkavle held list).\n",
                               "Återställde {}: läget {}, {} blobar.\n"
                               "{} meddelanden hålls kvar: inget av dem sänds eller lämnas ut förrän du beslutar (budkavle held list).\n")),
               report.id, format_utc(report.taken), report.blobs, report.held);
    return Exit::yes;
}

Result<std::vector<accesspoint::Held>> held_in(store::Database& database) {
    std::vector<accesspoint::Held> all;
    BUDKAVLE_CHECK(database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(all, accesspoint::list_held(tx, kMostHeld));
        return {};
    }));
    return all;
}

/// Beside a running access point: the store must not be migrated under it.
Result<std::unique_ptr<store::Database>> open_store(const std::string& config) {
    BUDKAVLE_TRY(const auto ap, access_point_of(config));
    const auto location = accesspoint::database_location(ap);
    BUDKAVLE_TRY(const auto state, store::Database::schema_state(location, accesspoint::migrations()));
    if (!state.pending.empty())
        return fail("backup.pending", "SEC-104", store::describe(location),
                    "The store has another schema than this program.", "budkavle migrate first.");
    return store::Database::open_at(location, accesspoint::migrations());
}

Result<Exit> list(const HeldOptions& options) {
    BUDKAVLE_TRY(const auto database, open_store(options.config));
    BUDKAVLE_TRY(const auto all, held_in(*database));
    json::array out;
    for (const auto& one : all) {
        if (options.json) {
            out.push_back({{"direction", accesspoint::to_string(one.direction)},
                           {"participant", one.participant},
                           {"as4MessageId", one.as4_id},
                           {"reason", one.reason},
                           {"since", format_utc(one.since)}});
        } else {
            fmt::print("{:<3} {} {} {} {}\n", accesspoint::to_string(one.direction), one.as4_id, one.participant,
                       one.reason, format_utc(one.since));
        }
    }
    if (options.json) print_json({{"held", out}});
    return Exit::yes;
}

bool chosen(const HeldOptions& options, const accesspoint::Held& one) {
    if (!options.direction.empty() && options.direction != accesspoint::to_string(one.direction)) return false;
    return options.all || std::ranges::find(options.ids, one.as4_id) != options.ids.end();
}

Result<Exit> release(const HeldOptions& options) {
    if (options.action != "go-on" && options.action != "close")
        return fail("usage.action", {}, "--action", "The action is go-on or close.");
    if (options.ids.empty() != options.all)
        return fail("usage.held", {}, "ID, --all", "Name messages, or all of them.");
    const accesspoint::ReleaseOrder order{
        .action = options.action == "go-on" ? accesspoint::Release::go_on : accesspoint::Release::close,
        .who = options.who,
        .reason = options.reason};
    BUDKAVLE_TRY(const auto database, open_store(options.config));
    BUDKAVLE_TRY(const auto all, held_in(*database));
    std::size_t released = 0;
    for (const auto& one : all) {
        if (!chosen(options, one)) continue;
        BUDKAVLE_CHECK(database->write([&](store::Transaction& tx) {
            return accesspoint::release(tx, one, order, system_clock().now());
        }));
        ++released;
    }
    if (released == 0 && !options.all) return fail("held.unknown", "None of these messages is held.");
    fmt::print(fmt::runtime(tr("{} messages released.\n", "{} meddelanden frisläppta.\n")), released);
    return Exit::yes;
}

void add_held(CLI::App& app, Exit& exit) {
    static HeldOptions options;
    auto* held = app.add_subcommand("held", std::string(tr("Messages that are held after a restore",
                                                           "Meddelanden som hålls kvar efter en återställning")));
    held->require_subcommand(1);
    auto* listing = held->add_subcommand("list", std::string(tr("Show them", "Visa dem")));
    listing->add_option("--config", options.config)->required();
    listing->add_flag("--json", options.json);
    on(*listing, exit, [] { return list(options); });
    auto* releasing = held->add_subcommand(
        "release",
        std::string(tr("Decide: go-on sends (same MessageId) or hands over with notice; close does neither",
                       "Besluta: go-on sänder (samma MessageId) eller lämnar ut med notis; close gör inget av det")));
    releasing->add_option("ID", options.ids);
    releasing->add_flag("--all", options.all);
    releasing->add_option("--direction", options.direction)->check(CLI::IsMember({"in", "out"}));
    releasing->add_option("--action", options.action, "go-on, close")->required();
    releasing->add_option("--who", options.who)->required();
    releasing->add_option("--reason", options.reason)->required();
    releasing->add_option("--config", options.config)->required();
    releasing->footer("budkavle held release --all --direction in --action go-on --who op1 --reason \"drill\" --config ap.toml");
    on(*releasing, exit, [] { return release(options); });
}

}  // namespace

void add_backup(CLI::App& app, Exit& exit) {
    static Options options;
    auto* taking = app.add_subcommand("backup", std::string(tr("Back up the store of an access point or the register of an SMP ([admin.smp]), while it runs",
                                                               "Säkerhetskopiera en accesspunkts lagring eller en SMP:s register ([admin.smp]), medan den kör")));
    taking->add_option("--config", options.config)->required();
    taking->add_option("--to", options.folder, std::string(tr("folder of backups", "mapp för säkerhetskopior")))->required();
    taking->add_option("--key", options.key, std::string(tr("key of the backups (made when missing)",
                                                            "kopiornas nyckel (skapas om den saknas)")))
        ->required();
    taking->add_flag("--json", options.json);
    taking->footer("budkavle backup --config /etc/budkavle/ap.toml --to /backup/ap --key /etc/budkavle/backup.key");
    on(*taking, exit, [] { return backup(options); });

    auto* restoring = app.add_subcommand("restore", std::string(tr("Restore a backup into an empty place",
                                                                   "Återställ en säkerhetskopia till en tom plats")));
    restoring->add_option("--config", options.config)->required();
    restoring->add_option("--from", options.folder)->required();
    restoring->add_option("--key", options.key)->required();
    restoring->add_option("--id", options.id);
    restoring->add_option("--lost", options.lost,
                          std::string(tr("when the old store was last in use; default now",
                                         "när den gamla lagringen senast användes; annars nu")));
    restoring->add_flag("--json", options.json);
    restoring->footer("budkavle restore --config /etc/budkavle/ap.toml --from /backup/ap --key /etc/budkavle/backup.key");
    on(*restoring, exit, [] { return restore(options); });
    add_held(app, exit);
}

}  // namespace budkavle::app
