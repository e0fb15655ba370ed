#pragma once
/// Result and error: how every function of this project says that it could not do what was asked.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace budkavle {

/// Whether trying again later can help. Decides between "keep and retry" and "final".
enum class Retry : std::uint8_t { never, later };

/// Why something was refused or failed. Every field is safe to log and to show: never message content, never secrets.
struct Error {
    std::string code;   ///< stable, dotted: "xml.doctype", "tls.host_name", "smp.not_registered"; unique per cause
    std::string rule;   ///< id of the specification's rule when one was broken: "XHE-04", "R3-XHE", "AP-14"; else empty
    std::string place;  ///< where: XPath, header name, file:line, field; else empty
    std::string text;   ///< what is wrong, one sentence, English
    std::string remedy;  ///< what to do about it; may be empty
    Retry retry = Retry::never;

    /// "text (rule, at place). remedy" for people.
    [[nodiscard]] std::string describe() const;
};

template <class T = void>
using Result = std::expected<T, Error>;

/// `return fail("xml.doctype", "SEC-64", "/", "The document has a DOCTYPE.", "Send it without one.");`
[[nodiscard]] std::unexpected<Error> fail(std::string_view code, std::string_view rule, std::string_view place,
                                          std::string_view text, std::string_view remedy = {},
                                          Retry retry = Retry::never);
/// The same without rule and place.
[[nodiscard]] std::unexpected<Error> fail(std::string_view code, std::string_view text, Retry retry = Retry::never);

}  // namespace budkavle

#define BUDKAVLE_JOIN_(a, b) a##b
#define BUDKAVLE_JOIN(a, b) BUDKAVLE_JOIN_(a, b)
/// `BUDKAVLE_TRY(auto doc, xml::parse(bytes));` binds the value or returns the error to the caller.
#define BUDKAVLE_TRY(decl, expr)                                                                                  \
    auto BUDKAVLE_JOIN(try_, __LINE__) = (expr);                                                                  \
    if (!BUDKAVLE_JOIN(try_, __LINE__)) return std::unexpected(std::move(BUDKAVLE_JOIN(try_, __LINE__)).error()); \
    decl = std::move(*BUDKAVLE_JOIN(try_, __LINE__))
/// The same for Result<void>.
#define BUDKAVLE_CHECK(expr)                                            \
    do {                                                                \
        auto check_ = (expr);                                           \
        if (!check_) return std::unexpected(std::move(check_).error()); \
    } while (false)
