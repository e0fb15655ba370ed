#pragma once
/// The messages of the SML administration API (`sml.md` 3.1, 3.2): SOAP 1.1, document/literal. No I/O.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smp/identifiers.hpp"
#include "xml/document.hpp"

namespace budkavle::sml::soap {

inline constexpr std::string_view kEnvelope = "http://schemas.xmlsoap.org/soap/envelope/";
inline constexpr std::string_view kTypes = "http://busdox.org/serviceMetadata/locator/1.0/";
inline constexpr std::string_view kIdentifiers = "http://busdox.org/transport/identifiers/1.0/";
inline constexpr std::string_view kBdmsl = "ec:services:wsdl:BDMSL:data:1.0";
inline constexpr std::size_t kMaxMessage = 256 * 1024;

enum class Service : std::uint8_t { metadata, participants, bdmsl };
enum class Operation : std::uint8_t {
    create_publisher,
    read_publisher,
    update_publisher,
    delete_publisher,
    create_participant,
    delete_participant,
    create_list,
    delete_list,
    list,
    prepare_migration,
    complete_migration,
    prepare_certificate,
    create_advanced,
    exists,
    is_alive,
};

struct OperationInfo {
    Operation operation;
    Service service;
    std::string_view ns;
    std::string_view element;  ///< of the request
    std::string_view action;   ///< SOAPAction as sent, with its nine blanks where they belong
};
[[nodiscard]] const std::vector<OperationInfo>& operations();
[[nodiscard]] const OperationInfo& info_of(Operation operation);
[[nodiscard]] std::string_view path_of(Service service);  ///< "/manageservicemetadata", …

/// Every field a request of this API can have; which ones stand in it depends on the operation.
struct Message {
    std::string publisher{};
    std::string logical_address{};
    std::string physical_address{};
    std::vector<smp::Identifier> participants{};
    std::string next_page{};
    std::string migration_key{};
    std::string certificate{};  ///< PEM text
    std::optional<std::string> migration_date{};
    std::string service_name{};
};
struct Request {
    Operation operation;
    Message message;
};

/// Strict: DOCTYPE, depth, size and every child that the type does not have are refused; both forms of Read are taken.
/// Errors "xml.…", "sml.request" (with the path).
[[nodiscard]] Result<Request> read_request(ByteView octets);
/// Does this header contradict the body? Blanks, quotes and an empty or foreign action do not; the action of another
/// operation does (what a filter before us let pass must be what we do). Error "sml.request".
[[nodiscard]] Result<> check_action(std::string_view header, Operation operation);

[[nodiscard]] std::string write_request(const Request& request);  ///< Read in its full form
[[nodiscard]] std::string void_answer();
[[nodiscard]] std::string publisher_answer(const Message& publisher);
[[nodiscard]] std::string page_answer(const Message& page);
[[nodiscard]] std::string exists_answer(const Message& asked, bool exists);

enum class FaultClass : std::uint8_t { bad_request, unauthorised, not_found, internal };
struct Fault {
    FaultClass kind = FaultClass::internal;
    int number = 105;  ///< ERR-nnn of `sml.md` 3.2
    std::string text;
};
/// What an error of the register (or of reading) is on the wire. Internal ones tell nothing of the inside.
[[nodiscard]] Fault fault_of(const Error& error);
[[nodiscard]] std::string fault_answer(const Fault& fault);

/// An answer as the client sees it.
struct Answer {
    std::optional<Fault> fault{};
    Message message{};  ///< of Read, List, Exists
    bool exists = false;
};
/// The class of a fault is its element, not the HTTP status or the text; a fault without a known element counts as
/// internal. Error "sml.answer" (later): not an answer of this API.
[[nodiscard]] Result<Answer> read_answer(ByteView octets);

}  // namespace budkavle::sml::soap
