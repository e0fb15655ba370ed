#include "smpserver/register.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/stream.hpp"
#include "smpserver/records.hpp"
#include "smpserver/register_state.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::size_t kBatch = 256;         ///< participants published in one transaction
constexpr std::size_t kMostLogged = 2000;   ///< octets of an old or new value in an audit line
constexpr std::chrono::seconds kLease{60};  ///< of the worker, over all processes
constexpr std::chrono::milliseconds kPause{500};

Result<std::vector<crypto::Certificate>> read_certificates(const std::filesystem::path& file) {
    BUDKAVLE_TRY(const auto octets, read_file(file));
    return crypto::Certificate::all_from_pem(as_text(octets));
}

Result<std::optional<crypto::TrustStore>> read_trust(crypto::Purpose purpose, const std::filesystem::path& file,
                                                     const std::filesystem::path& pins) {
    if (file.empty()) return std::optional<crypto::TrustStore>{};
    BUDKAVLE_TRY(auto issuers, read_certificates(file));
    std::vector<crypto::Certificate> pinned;
    if (!pins.empty()) {
        BUDKAVLE_TRY(pinned, read_certificates(pins));
    }
    return std::optional<crypto::TrustStore>(std::in_place, purpose, std::move(issuers), std::move(pinned));
}

std::string cut(const std::string& text) {
    return text.size() <= kMostLogged ? text : text.substr(0, kMostLogged) + "…";
}

std::string name_of(const ObjectRef& object) {
    return object.kind == ObjectKind::participant || object.kind == ObjectKind::operator_
               ? object.key
               : object.operator_id + "/" + object.key;
}

}  // namespace

Register::Register(std::unique_ptr<State> state) : state_(std::move(state)) {}
Register::~Register() {
    state_->database->listen({});
    state_->worker.stop();
}

Result<std::unique_ptr<Register>> Register::open(const RegisterConfig& config, obs::Log& log, const Clock& clock) {
    BUDKAVLE_TRY(const auto key, read_file(config.signing_key));
    BUDKAVLE_TRY(const auto chain, read_file(config.signing_certificate));
    BUDKAVLE_TRY(auto signer, crypto::identity_from_pem(as_text(key), as_text(chain)));
    BUDKAVLE_TRY(auto roots, read_certificates(config.smp_trust));
    Proof proof;
    BUDKAVLE_TRY(proof.ap_trust, read_trust(crypto::Purpose::as4, config.ap_trust, config.ap_pins));
    BUDKAVLE_TRY(proof.o2o_trust, read_trust(crypto::Purpose::o2o, config.o2o_trust, {}));
    proof.crls = config.crls ? config.crls : std::make_shared<crypto::CrlStore>();
    proof.revocation = config.revocation;
    proof.check_subject = config.check_subject;
    BUDKAVLE_TRY(auto database, open_database(config.database));
    Publisher publisher(std::move(signer), crypto::TrustStore(crypto::Purpose::smp_signature, std::move(roots)),
                        config.base_url);
    auto state =
        std::make_unique<State>(config, std::move(database), std::move(publisher), std::move(proof), log, clock);
    state->signers = config.signers != 0 ? config.signers : std::max(1U, std::thread::hardware_concurrency());
    // Who listens can also announce (`store/database.hpp`); changes of other processes wake the worker.
    state->database->listen([state = state.get()](std::string_view) { state->worker.wake(); });
    return std::unique_ptr<Register>(new Register(std::move(state)));
}

Result<Change> Register::State::prepare(const Actor& actor, const Change& change) {
    const auto* for_point = std::get_if<AddApCertificate>(&change);
    const auto* for_participant = std::get_if<AddCertificate>(&change);
    if (for_point == nullptr && for_participant == nullptr) return change;
    const auto& input = for_point != nullptr ? for_point->certificate : for_participant->certificate;
    const auto& whose = for_point != nullptr ? for_point->operator_id : for_participant->participant;
    // The alarm of a disclosed key never holds what was handed in.
    if (holds_private_key(input)) {
        const obs::Fields fields{{"for", whose.substr(0, 100)}};
        log.technical(obs::Level::error, "alarm.private_key_disclosed", fields);
        log.audit(actor.name, "alarm.private_key_disclosed", fields);
    }
    BUDKAVLE_CHECK(check_role(actor, act_of(change)));
    Organisation organisation;
    BUDKAVLE_CHECK(database->read([&](store::Transaction& tx) -> Result<> {
        Work look{tx, actor, {}, {}, clock.now()};
        if (for_point != nullptr) {
            BUDKAVLE_TRY(const auto owner, own_operator(look, act_of(change), whose));
            return {};
        }
        BUDKAVLE_TRY(const auto found, own_participant(look, act_of(change), whose));
        organisation = {found.id.folded(), found.organisation, found.organisation_number};
        return {};
    }));
    BUDKAVLE_TRY(const auto certificate,
                 take_certificate(input, clock.now(), for_point != nullptr && proof.ap_trust.has_value()));
    auto out = change;
    if (for_point != nullptr) {
        BUDKAVLE_CHECK(prove_access_point(certificate, proof, clock.now()));
        std::get<AddApCertificate>(out).certificate = certificate.pem();
    } else {
        BUDKAVLE_CHECK(prove_participant(certificate, for_participant->use, organisation, proof, clock.now()));
        std::get<AddCertificate>(out).certificate = certificate.pem();
    }
    return out;
}

Result<Outcome> Register::State::carry_out(const Actor& actor, const std::vector<Change>& changes,
                                           const ChangeOptions& options,
                                           const std::function<Result<>(store::Transaction&)>& also) {
    Outcome outcome;
    std::vector<Recorded> recorded;
    std::vector<std::string> queued;
    BUDKAVLE_CHECK(database->write([&](store::Transaction& tx) -> Result<> {
        recorded.clear();
        queued.clear();
        Work work{tx, actor, options.reason, options.expected_version, clock.now()};
        for (std::size_t i = 0; i < changes.size(); ++i) {
            BUDKAVLE_CHECK(apply(work, changes[i]));
            work.expected_version.reset();
        }
        if (also) BUDKAVLE_CHECK(also(tx));
        outcome = work.outcome;
        recorded = std::move(work.recorded);
        queued = std::move(work.queued);
        return {};
    }));
    tell_audit(actor, options.reason, recorded);
    database->announce(kTopic);
    std::ranges::sort(queued);
    queued.erase(std::ranges::unique(queued).begin(), queued.end());
    BUDKAVLE_CHECK(settle(queued, outcome.queued > static_cast<std::int64_t>(queued.size())));
    return outcome;
}

void Register::State::tell_audit(const Actor& actor, const std::string& reason, const std::vector<Recorded>& recorded) {
    for (const auto& one : recorded) {
        log.audit(actor.name, one.change,
                  {{"role", std::string(to_string(actor.role))},
                   {"kind", std::string(to_string(one.object.kind))},
                   {"object", name_of(one.object)},
                   {"version", one.version},
                   {"reason", reason},
                   {"before", cut(one.before)},
                   {"after", cut(one.after)},
                   {"outcome", std::string("done")}});
    }
}

void Register::State::tell_refused(const Actor& actor, const Change& change, const Error& error) {
    log.audit(actor.name, smpserver::name_of(change),
              {{"role", std::string(to_string(actor.role))}, {"operator", actor.operator_id}, {"outcome", error.code}});
}

Result<> Register::State::publish(const std::vector<std::string>& folded) {
    std::vector<Draft> drafts;
    BUDKAVLE_CHECK(database->read([&](store::Transaction& tx) -> Result<> {
        drafts.clear();
        for (const auto& one : folded) {
            BUDKAVLE_TRY(auto some, publisher.draft(tx, one, one));
            std::ranges::move(some, std::back_inserter(drafts));
        }
        return {};
    }));
    publisher.sign(drafts, clock.now(), signers);
    BUDKAVLE_CHECK(database->write([&](store::Transaction& tx) { return publisher.store(tx, drafts, clock.now()); }));
    for (const auto& draft : drafts) {
        if (!draft.error) continue;
        auto fields = obs::error_fields(*draft.error);
        fields.push_back({"participant", draft.id});
        log.technical(obs::Level::error, "smp.publish_failed", fields);
    }
    database->announce(kTopic);
    return {};
}

Result<> Register::State::settle(const std::vector<std::string>& folded, bool more) {
    // What cannot be published now stays queued: the change itself is done.
    if (!folded.empty()) {
        if (auto done = publish(folded); !done)
            log.technical(obs::Level::warning, "smp.publish_later", obs::error_fields(done.error()));
    }
    if (!more) return {};
    if (worker.started()) {
        worker.wake();
        return {};
    }
    while (true) {
        BUDKAVLE_TRY(const bool again, publish_due());
        if (!again) return {};
    }
}

Result<bool> Register::State::publish_due() {
    std::vector<std::string> due;
    BUDKAVLE_CHECK(database->read([&](store::Transaction& tx) -> Result<> {
        due.clear();
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT folded FROM members WHERE publish_state IN ('queued', 'failed') AND publish_due "
                              "<= ?1 ORDER BY publish_due, folded LIMIT ?2",
                              {stored(clock.now()), static_cast<std::int64_t>(kBatch)}));
        for (const auto& row : rows) due.push_back(row.text(0));
        return {};
    }));
    if (due.empty()) return false;
    BUDKAVLE_CHECK(publish(due));
    return due.size() == kBatch;
}

/// One process works at a time; another takes over when it has been silent for a while.
Result<bool> Register::State::hold_lease() {
    bool held = false;
    BUDKAVLE_CHECK(database->write([&](store::Transaction& tx) -> Result<> {
        const auto now = clock.now();
        BUDKAVLE_TRY(const auto changed,
                     tx.execute("INSERT INTO worker_leases(name, holder, until) VALUES('register', ?1, ?2) ON "
                                "CONFLICT(name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE "
                                "worker_leases.holder = excluded.holder OR worker_leases.until < ?3",
                                {self, stored(now + kLease), stored(now)}));
        held = changed > 0;
        return {};
    }));
    return held;
}

Result<bool> Register::work() {
    BUDKAVLE_TRY(const bool mine, state_->hold_lease());
    if (!mine) return false;
    bool more = false;
    for (const auto round :
         {&State::run_planned, &State::publish_due, &State::run_bulk, &State::run_monitor, &State::sweep}) {
        BUDKAVLE_TRY(const bool again, (state_.get()->*round)());
        more = more || again;
    }
    return more;
}

void Register::start_worker() {
    state_->worker.start([this] { return work(); }, state_->log, "smp.worker_failed", kPause);
}

Result<Outcome> Register::change(const Actor& actor, const Change& change, const ChangeOptions& options) {
    auto prepared = state_->prepare(actor, change);
    auto done = prepared ? state_->carry_out(actor, {*prepared}, options)
                         : Result<Outcome>(std::unexpected(std::move(prepared).error()));
    if (!done) state_->tell_refused(actor, change, done.error());
    return done;
}

Result<std::int64_t> Register::publish_all(const Actor& actor) {
    BUDKAVLE_CHECK(check_role(actor, Act::publish_all));
    std::int64_t queued = 0;
    BUDKAVLE_CHECK(state_->database->write([&](store::Transaction& tx) -> Result<> {
        Work work{tx, actor, {}, {}, state_->clock.now()};
        BUDKAVLE_CHECK(queue_where(work, "1 = 1", {}));
        queued = work.outcome.queued;
        return {};
    }));
    state_->log.audit(actor.name, "register.publish-all", {{"participants", queued}});
    BUDKAVLE_CHECK(state_->settle({}, queued > 0));
    return queued;
}

}  // namespace budkavle::smpserver
