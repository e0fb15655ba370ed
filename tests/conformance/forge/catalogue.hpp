#pragma once
/// The catalogue of the conformance suite: classes of AS4 messages with one fault each, and of harmless variations.
/// Every message is signed and encrypted after its change, so the change is its only fault (faults of cryptography
/// themselves excepted). What each must yield stands beside it and comes from the specification, never from the
/// program.

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "as4/forge.hpp"

namespace budkavle::conformance {

using as4::testing::ForgedPart;
using as4::testing::ForgedReference;
using as4::testing::MessageForge;
using as4::testing::must;
using as4::testing::replace;

/// Reproducible choices.
class Draw {
public:
    Draw(std::uint32_t seed, unsigned variant) : variant(variant), engine_(seed) {}
    /// In [0, below). Not std::uniform_int_distribution: its sequence is not the same everywhere.
    std::size_t below(std::size_t limit) { return engine_() % limit; }
    /// By number of the variant: with as many variants as there are choices each comes once.
    template <class T>
    const T& turn(const std::vector<T>& choices) const {
        return choices[variant % choices.size()];
    }
    unsigned variant;

private:
    std::mt19937 engine_;
};

/// What an access point is told in an envelope; the fields that a four-corner fault changes.
struct EnvelopeChange {
    std::function<void(std::string&)> edit;  ///< the envelope before its signature
    std::string from, to, document, federation_id;
};

/// Who takes part.
struct Cast {
    crypto::Identity signer, stranger, foreign, revoked, expired;
    crypto::Certificate recipient, other_recipient, o2o_recipient;
    crypto::Identity o2o;
    std::string from, to, elsewhere;  ///< participants; `elsewhere` is not served by the receiver
    std::string federation_id;
    Time now;
    std::string run;  ///< makes the MessageIds of this run unlike any other's
    [[nodiscard]] std::string message_id(const std::string& name) const {
        return name + "." + run + "@forge.example.se";
    }
    /// A sealed and signed envelope; different every time.
    [[nodiscard]] Bytes envelope(const EnvelopeChange& change = {}) const;
};

struct Case {
    std::string name;
    bool harmless = false;
    std::string rule;     ///< what the answer must name, or what a harmless message shows
    std::string code;     ///< ebMS code, or "fault", or empty for a bare HTTP status
    std::string detail;   ///< must stand in ErrorDetail; empty: `rule` must
    std::string log;      ///< must stand as rule in the transfer log; empty: `rule`
    std::string setting;  ///< switch of the receiver that must be on; empty: none
    unsigned variants = 1;
    std::function<void(MessageForge&, Draw&, const Cast&)> change;
};

class Catalogue {
public:
    using Change = std::function<void(MessageForge&, Draw&, const Cast&)>;
    Case& adverse(std::string name, std::string rule, std::string code, unsigned variants, Change change) {
        cases_.push_back({.name = std::move(name),
                          .rule = std::move(rule),
                          .code = std::move(code),
                          .variants = variants,
                          .change = std::move(change)});
        return cases_.back();
    }
    Case& harmless(const std::string& name, std::string rule, unsigned variants, Change change) {
        cases_.push_back({.name = "ok-" + name,
                          .harmless = true,
                          .rule = std::move(rule),
                          .variants = variants,
                          .change = std::move(change)});
        return cases_.back();
    }
    [[nodiscard]] const std::vector<Case>& cases() const { return cases_; }

private:
    std::vector<Case> cases_;
};

void add_package_faults(Catalogue& all);    // as4-wire.md 1.1, 1.2
void add_soap_faults(Catalogue& all);       // 1.3
void add_header_faults(Catalogue& all);     // 1.4, access-point.md 1
void add_payload_faults(Catalogue& all);    // 1.5
void add_security_faults(Catalogue& all);   // 1.6
void add_bsp_faults(Catalogue& all);        // 1.8
void add_envelope_faults(Catalogue& all);   // 1.7, access-point.md 2, 4–6
void add_operation_faults(Catalogue& all);  // access-point.md 6, K26, SEC-107
void add_harmless_package(Catalogue& all);  // the Accept columns
void add_harmless_security(Catalogue& all);

/// Replaces in the markup of eb:Messaging before it is signed.
inline Catalogue::Change in_messaging(std::vector<std::pair<std::string, std::string>> swaps) {
    return [swaps](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_messaging = [swap = draw.turn(swaps)](std::string& text) { replace(text, swap.first, swap.second); };
    };
}
/// The same in wsse:Security, in the envelope without signature, in SignedInfo, after signing.
inline Catalogue::Change in_security(std::vector<std::pair<std::string, std::string>> swaps) {
    return [swaps](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_security = [swap = draw.turn(swaps)](std::string& text) { replace(text, swap.first, swap.second); };
    };
}
inline Catalogue::Change in_envelope(std::vector<std::pair<std::string, std::string>> swaps) {
    return [swaps](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_envelope = [swap = draw.turn(swaps)](std::string& text) { replace(text, swap.first, swap.second); };
    };
}
inline Catalogue::Change in_signed_info(std::vector<std::pair<std::string, std::string>> swaps) {
    return [swaps](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_signed_info = [swap = draw.turn(swaps)](std::string& text) { replace(text, swap.first, swap.second); };
    };
}
inline Catalogue::Change after_signing(std::vector<std::pair<std::string, std::string>> swaps) {
    return [swaps](MessageForge& forge, Draw& draw, const Cast&) {
        forge.on_signed_envelope = [swap = draw.turn(swaps)](std::string& text) {
            replace(text, swap.first, swap.second);
        };
    };
}
/// The whole element from the first `begin` to the next `end` behind it.
inline std::pair<std::size_t, std::size_t> span_of(const std::string& text, std::string_view begin,
                                                   std::string_view end, std::size_t from = 0) {
    const auto first = text.find(begin, from);
    must(first != std::string::npos, "nothing begins with " + std::string(begin));
    const auto last = text.find(end, first);
    must(last != std::string::npos, "nothing ends with " + std::string(end));
    return {first, last + end.size() - first};
}
inline std::string cut(std::string& text, std::string_view begin, std::string_view end, std::size_t from = 0) {
    const auto [first, size] = span_of(text, begin, end, from);
    auto out = text.substr(first, size);
    text.erase(first, size);
    return out;
}

}  // namespace budkavle::conformance
