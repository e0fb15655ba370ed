#pragma once
/// What was found in a document and what is answered for it.

#include <string>
#include <string_view>
#include <vector>

#include "sdk/policy.hpp"

namespace budkavle::sdk {

/// One fault. Texts never hold message content (`message.md` 6.2).
struct Fault {
    Event event{};
    std::string row;  ///< row of the event table: "19a"
    std::string
        rule;  ///< what was broken: "XSD", "verifyNonEmptyElements", "K14", "EQ-2", "XHE-04", "R7-APP", "MSG-02"
    std::string cause;   ///< SV, BV, SIG; empty when the fault is met with silence
    std::string detail;  ///< "structure", "invariant", …; empty likewise
    std::string at;      ///< XPath of the element, or "NA"
    std::string text;
};

struct Verdict {
    Answer answer = Answer::accepted;
    std::vector<Fault> faults;
    std::vector<Fault> warnings;  ///< does not change the answer: MSG-05, lengths that only sending enforces
    bool incident = false;        ///< some fault has to be handled as an incident
    [[nodiscard]] bool valid() const { return faults.empty(); }
};

/// Collects faults by the rows of a policy. Bounded: a hostile document can hold more faults than anybody reads.
class Findings {
public:
    static constexpr std::size_t kMost = 200;

    explicit Findings(const Policy& policy) : policy_(&policy) {}
    /// `text` empty: the row's own.
    void add(Event event, std::string_view rule, std::string_view at, std::string_view text = {});
    void warn(Event event, std::string_view rule, std::string_view at, std::string_view text);
    [[nodiscard]] bool empty() const { return verdict_.faults.empty(); }
    /// No more are kept: paths need not be made.
    [[nodiscard]] bool full() const { return verdict_.faults.size() >= kMost; }
    /// ACCEPTED without faults; none as soon as one fault demands silence; else REJECTED.
    [[nodiscard]] const Verdict& verdict() const { return verdict_; }

private:
    [[nodiscard]] Fault make(Event event, std::string_view rule, std::string_view at, std::string_view text) const;
    const Policy* policy_;
    Verdict verdict_;
};

}  // namespace budkavle::sdk
