// Which answers a change would alter: carried out in a transaction that is then taken back.
#include <algorithm>
#include <map>

#include "base/bytes.hpp"
#include "crypto/digest.hpp"
#include "smpserver/register_state.hpp"
#include "smpserver/schema.hpp"
#include "xml/document.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::size_t kMostParticipants = 100;
constexpr std::size_t kMostFields = 200;
constexpr std::string_view kTakenBack = "preview.done";

using Fields = std::map<std::string, std::string>;

std::string step_of(xml::Element at, const std::map<std::string, int>& seen) {
    std::string out(at.name());
    for (const auto* name : {"transportProfile", "href", "scheme"}) {
        if (const auto value = at.attribute(name)) return out + "[" + *value + "]";
    }
    const auto count = seen.at(out);
    return count > 1 ? out + "[" + std::to_string(count) + "]" : out;
}

/// Certificates are shown by fingerprint: nobody compares base64.
std::string shown(xml::Element leaf) {
    auto text = leaf.text();
    if (leaf.name() != "Certificate" && leaf.name() != "ContentBinaryObject") return text;
    const auto der = base64_decode(text, Base64Space::xml);
    return der ? "SHA-256 " + hex_encode(crypto::sha256(*der)) : text;
}

void flatten(xml::Element at, const std::string& path, Fields& out) {
    if (at.name() == "Signature") return;
    if (!at.has_element_children()) {
        auto key = path;
        for (int i = 2; out.contains(key); ++i) key = path + "{" + std::to_string(i) + "}";
        out[key] = shown(at);
        return;
    }
    std::map<std::string, int> seen;
    for (const auto child : at.children()) {
        ++seen[std::string(child.name())];
        flatten(child, path.empty() ? step_of(child, seen) : path + "/" + step_of(child, seen), out);
    }
}

Fields fields_of(std::string_view octets) {
    Fields out;
    if (octets.empty()) return out;
    if (const auto document = xml::Document::parse(as_bytes(octets))) flatten(document->root(), {}, out);
    return out;
}

std::vector<FieldChange> compare(const Fields& before, const Fields& after) {
    std::vector<FieldChange> out;
    for (const auto& [field, value] : before) {
        const auto found = after.find(field);
        if (found == after.end()) {
            out.push_back({field, value, {}});
        } else if (found->second != value) {
            out.push_back({field, value, found->second});
        }
    }
    for (const auto& [field, value] : after) {
        if (!before.contains(field)) out.push_back({field, {}, value});
    }
    if (out.size() > kMostFields) out.erase(out.begin() + kMostFields, out.end());
    return out;
}

/// What a participant is answered with now, by document.
using Served = std::map<std::string, std::string>;
Result<Served> served(store::Transaction& tx, const std::string& folded) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT a.document, b.octets FROM answers a JOIN answer_bodies b ON b.id = "
                                           "a.body WHERE a.participant = ?1",
                                           {folded}));
    Served out;
    for (const auto& row : rows) out[row.text(0)] = std::string(as_text(row.blob(1)));
    return out;
}

AnswerChange difference(const federation::ParticipantId& id, const std::string& document, const std::string& before,
                        const std::string& after) {
    AnswerChange out{.participant = id, .document = document};
    out.kind = before.empty()  ? AnswerChange::Kind::appears
               : after.empty() ? AnswerChange::Kind::vanishes
                               : AnswerChange::Kind::changes;
    out.fields = compare(fields_of(before), fields_of(after));
    out.octets_before = before.size();
    out.octets_after = after.size();
    return out;
}

struct Mark {
    std::string id;
    std::int64_t revision;
    bool seen;  ///< outside, now or as soon as it is published
};
Result<std::map<std::string, Mark>> marks(store::Transaction& tx) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT folded, id, revision, publish_state FROM members"));
    std::map<std::string, Mark> out;
    for (const auto& row : rows) out[row.text(0)] = {row.text(1), row.integer(2), row.text(3) != "none"};
    return out;
}

/// The participants a change touches, with what they would be answered with; documents left alone are not in there.
struct Touched {
    std::string id;
    Served next;
    bool vanishes = false;
};
Result<Touched> look_ahead(store::Transaction& tx, const Publisher& publisher, const std::string& folded,
                           const std::string& id) {
    Touched out{id, {}, true};
    BUDKAVLE_TRY(const auto drafts, publisher.draft(tx, folded, folded));
    for (const auto& draft : drafts) {
        out.vanishes = !draft.visible;
        for (const auto& document : draft.vanish) out.next[document] = {};
        for (const auto& answer : draft.answers)
            out.next[answer.document] = answer.metadata ? smp::write_service_metadata(*answer.metadata) : answer.octets;
    }
    return out;
}

}  // namespace

Result<Preview> Register::preview(const Actor& actor, const Change& change) {
    Preview out;
    std::map<std::string, Touched> touched;
    const auto try_it = [&](store::Transaction& tx, const Change& prepared) -> Result<> {
        out = {};
        touched.clear();
        BUDKAVLE_TRY(const auto before, marks(tx));
        Work work{tx, actor, "preview", {}, state_->clock.now()};
        BUDKAVLE_CHECK(apply(work, prepared));
        BUDKAVLE_TRY(const auto after, marks(tx));
        for (const auto& [folded, mark] : before) {
            const auto found = after.find(folded);
            const bool same = found != after.end() && found->second.revision == mark.revision;
            if (same || (!mark.seen && (found == after.end() || !found->second.seen))) continue;
            if (++out.participants > static_cast<std::int64_t>(kMostParticipants)) continue;
            BUDKAVLE_TRY(touched[folded], look_ahead(tx, state_->publisher, folded, mark.id));
        }
        return fail(kTakenBack, "");
    };
    auto prepared = state_->prepare(actor, change);
    const auto done = prepared ? state_->database->write([&](auto& tx) { return try_it(tx, *prepared); })
                               : Result<>(std::unexpected(std::move(prepared).error()));
    if (done.error().code != kTakenBack) {
        state_->tell_refused(actor, change, done.error());
        return std::unexpected(done.error());
    }
    BUDKAVLE_CHECK(state_->database->read([&](store::Transaction& tx) -> Result<> {
        out.answers.clear();
        for (auto& [folded, what] : touched) {
            BUDKAVLE_TRY(const auto id, federation::ParticipantId::parse(what.id));
            BUDKAVLE_TRY(auto present, served(tx, folded));
            if (what.vanishes) {
                for (const auto& [document, octets] : present) what.next[document] = {};
            }
            for (const auto& [document, octets] : what.next) {
                auto one = difference(id, document, present[document], octets);
                if (!one.fields.empty()) out.answers.push_back(std::move(one));
            }
        }
        return {};
    }));
    return out;
}

}  // namespace budkavle::smpserver
