#include <algorithm>

#include "ca/ocsp_form.hpp"
#include "ca/ocsp_responder.hpp"

namespace budkavle::ca {
namespace {

constexpr std::size_t kMaxText = (kMaxOcspRequest + 2) / 3 * 4;
constexpr std::size_t kMaxSlashes = 12;

/// The length the outer SEQUENCE says, with its own head; 0 when that cannot be read.
std::size_t der_size(ByteView octets) {
    if (octets.size() < 2 || octets[0] != 0x30) return 0;
    if (octets[1] < 0x80) return std::size_t{2} + octets[1];
    if (octets[1] == 0x81 && octets.size() > 2) return std::size_t{3} + octets[2];
    if (octets[1] == 0x82 && octets.size() > 3) return std::size_t{4} + (std::size_t{octets[2]} << 8) + octets[3];
    return 0;
}

std::optional<Bytes> whole(std::string text) {
    while (text.ends_with('=')) text.pop_back();
    text.append((4 - text.size() % 4) % 4, '=');
    auto octets = base64_decode(text);
    if (!octets || der_size(*octets) != octets->size()) return std::nullopt;
    if (judge_ocsp_request(*octets).certificates == 0) return std::nullopt;
    return std::move(*octets);
}

/// A proxy has made "//" to "/": tries where a slash was lost, one and two of them.
std::optional<Bytes> with_slashes(const std::string& text) {
    std::vector<std::size_t> at;
    for (std::size_t i = text.find('/'); i != std::string::npos; i = text.find('/', i + 1)) at.push_back(i);
    if (at.size() > kMaxSlashes) return std::nullopt;
    for (std::size_t i = 0; i < at.size(); ++i) {
        auto once = text;
        once.insert(at[i], 1, '/');
        if (auto found = whole(once)) return found;
        for (std::size_t j = i; j < at.size(); ++j) {
            auto twice = once;
            twice.insert(at[j] + 1, 1, '/');
            if (auto found = whole(twice)) return found;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<Bytes> ocsp_question_in(std::string_view path) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    if (path.empty() || path.size() > 3 * kMaxText) return std::nullopt;
    auto text = percent_decode(path);
    if (!text) return std::nullopt;
    for (auto& c : *text) {
        if (c == ' ' || c == '-') c = '+';
        if (c == '_') c = '/';
    }
    text->erase(0, text->find_first_not_of('/'));
    if (text->size() > kMaxText) return std::nullopt;
    if (auto found = whole(*text)) return found;
    return with_slashes(*text);
}

}  // namespace budkavle::ca
