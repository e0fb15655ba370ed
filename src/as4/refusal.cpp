#include "as4/refusal.hpp"

#include <array>

namespace budkavle::as4 {

namespace {

constexpr auto kError = AnswerForm::error_signal;
constexpr auto kNever = Retry::never;
constexpr auto kLater = Retry::later;

// Rows stand in the order of the enumeration; a test holds that.
constexpr std::array kCauses{
    CauseFacts{Cause::body_too_large, "as4.too_large", "EBMS:0004", "Other", "failure", "Content", kError, 413, kNever,
               "as4-wire 1.1", "MESSAGE_TOO_LARGE"},
    CauseFacts{Cause::not_mime, "as4.content_type", "EBMS:0007", "MimeInconsistency", "failure", "Unpackaging", kError,
               400, kNever, "as4-wire 1.1 Content-Type",
               "The Content-Type is neither multipart/related nor application/soap+xml."},
    CauseFacts{Cause::mime_broken, "as4.mime", "EBMS:0007", "MimeInconsistency", "failure", "Unpackaging", kError, 400,
               kNever, "as4-wire 1.2", "The MIME package is broken or cut off."},
    CauseFacts{Cause::too_many_parts, "as4.parts", "EBMS:0007", "MimeInconsistency", "failure", "Unpackaging", kError,
               200, kNever, "as4-wire 1.2", "The MIME package has too many parts."},
    CauseFacts{Cause::soap_doctype, "as4.doctype", "EBMS:0009", "InvalidHeader", "failure", "Unpackaging", kError, 400,
               kNever, "as4-wire 1.3 DOCTYPE, SEC-64", "The SOAP envelope has a DOCTYPE."},
    CauseFacts{Cause::soap_unparsable, "as4.xml", "EBMS:0009", "InvalidHeader", "failure", "Unpackaging", kError, 400,
               kNever, "as4-wire 1.3", "The SOAP envelope is not well-formed UTF-8 XML within the limits."},
    CauseFacts{Cause::soap_version, "as4.soap_version", "EBMS:0009", "InvalidHeader", "failure", "Unpackaging",
               AnswerForm::version_mismatch, 500, kNever, "as4-wire 1.3 Envelope",
               "The root element is not a SOAP 1.2 Envelope."},
    CauseFacts{Cause::soap_structure, "as4.soap", "EBMS:0009", "InvalidHeader", "failure", "Unpackaging", kError, 200,
               kNever, "as4-wire 1.3", "The envelope needs one Header with one eb:Messaging, then one Body."},
    CauseFacts{Cause::must_understand, "as4.must_understand", "EBMS:0009", "InvalidHeader", "failure", "Unpackaging",
               AnswerForm::must_understand, 500, kNever, "as4-wire 1.3 mustUnderstand",
               "A header block with mustUnderstand is not known here."},
    CauseFacts{Cause::body_not_empty, "as4.body", "EBMS:0010", "ProcessingModeMismatch", "failure", "Processing",
               kError, 200, kNever, "as4-wire 1.3 Body, TA05", "The SOAP Body must be empty."},
    CauseFacts{Cause::header_invalid, "as4.header", "EBMS:0009", "InvalidHeader", "failure", "Unpackaging", kError, 200,
               kNever, "as4-wire 1.4", "eb:Messaging does not conform to its schema."},
    CauseFacts{Cause::several_messages, "as4.several_messages", "EBMS:0003", "ValueInconsistent", "failure", "Content",
               kError, 200, kNever, "as4-wire 1.4", "eb:Messaging must hold exactly one message."},
    CauseFacts{Cause::several_parties, "as4.several_parties", "EBMS:0003", "ValueInconsistent", "failure", "Content",
               kError, 200, kNever, "TA03", "From and To need exactly one PartyId each."},
    CauseFacts{Cause::signal_as_request, "as4.signal", "EBMS:0010", "ProcessingModeMismatch", "failure", "Processing",
               kError, 200, kNever, "as4-wire 1.7", "Signals travel only on the back channel."},
    CauseFacts{Cause::mpc_unknown, "as4.mpc", "EBMS:0001", "ValueNotRecognized", "failure", "Content", kError, 200,
               kNever, "as4-wire 1.4", "The message partition channel is not known here."},
    CauseFacts{Cause::property_twice, "as4.property_twice", "EBMS:0003", "ValueInconsistent", "failure", "Content",
               kError, 200, kNever, "as4-wire 1.4", "A property name occurs twice."},
    CauseFacts{Cause::mime_type_missing, "as4.mime_type", "EBMS:0003", "ValueInconsistent", "failure", "Content",
               kError, 200, kNever, "TA26", "A payload part has no MimeType property."},
    CauseFacts{Cause::compression_type, "as4.compression_type", "EBMS:0003", "ValueInconsistent", "failure", "Content",
               kError, 200, kNever, "TA25", "The only CompressionType is application/gzip."},
    CauseFacts{Cause::character_set, "as4.character_set", "EBMS:0003", "ValueInconsistent", "failure", "Content",
               kError, 200, kNever, "TA29", "The CharacterSet is not known."},
    CauseFacts{Cause::payload_reference, "as4.payload_reference", "EBMS:0011", "ExternalPayloadError", "failure",
               "Content", kError, 200, kNever, "TA08", "A payload may be referenced only by cid."},
    CauseFacts{Cause::part_mismatch, "as4.part_mismatch", "EBMS:0011", "ExternalPayloadError", "failure", "Content",
               kError, 200, kNever, "as4-wire 1.2 parts", "MIME parts and PartInfo elements do not match."},
    CauseFacts{Cause::processing_mode, "as4.processing_mode", "EBMS:0010", "ProcessingModeMismatch", "failure",
               "Processing", kError, 200, kNever, "AP-02",
               "The header does not match a processing mode of the federation."},
    CauseFacts{Cause::property_missing, "as4.property_missing", "EBMS:0010", "ProcessingModeMismatch", "failure",
               "Processing", kError, 200, kNever, "4CT_TA01", "originalSender and finalRecipient are mandatory."},
    CauseFacts{Cause::not_serviced, "as4.not_serviced", "EBMS:0004", "Other", "failure", "Content", kError, 200, kNever,
               "as4-wire 1.7", "NOT_SERVICED"},
    CauseFacts{Cause::xhe_not_conformant, "as4.xhe_not_conformant", "EBMS:0004", "Other", "failure", "Content", kError,
               200, kNever, "TF-09", "XHE_NOT_CONFORMANT"},
    CauseFacts{Cause::security_missing, "as4.security_missing", "EBMS:0103", "PolicyNoncompliance", "failure",
               "Processing", kError, 200, kNever, "AP-20", "The message has no WS-Security header."},
    CauseFacts{Cause::unsigned_message, "as4.unsigned", "EBMS:0103", "PolicyNoncompliance", "failure", "Processing",
               kError, 200, kNever, "AP-20", "The message is not signed."},
    CauseFacts{Cause::unencrypted, "as4.unencrypted", "EBMS:0103", "PolicyNoncompliance", "failure", "Processing",
               kError, 200, kNever, "AP-20", "A payload part is not encrypted."},
    CauseFacts{Cause::security_structure, "as4.security_structure", "EBMS:0103", "PolicyNoncompliance", "failure",
               "Processing", kError, 200, kNever, "as4-wire 1.6", "The WS-Security header is not of the profile."},
    CauseFacts{Cause::algorithm, "as4.algorithm", "EBMS:0103", "PolicyNoncompliance", "failure", "Processing", kError,
               200, kNever, "as4-wire 1.6 algorithms", "An algorithm is not allowed."},
    CauseFacts{Cause::coverage, "as4.coverage", "EBMS:0103", "PolicyNoncompliance", "failure", "Processing", kError,
               200, kNever, "as4-wire 1.6 coverage",
               "The signature must cover the Messaging header, the Body and every payload part, and nothing else."},
    CauseFacts{Cause::timestamp, "as4.timestamp", "EBMS:0103", "PolicyNoncompliance", "failure", "Processing", kError,
               200, kNever, "K41", "The WS-Security Timestamp is not valid now."},
    CauseFacts{Cause::token, "as4.token", "EBMS:0101", "FailedAuthentication", "failure", "Processing", kError, 200,
               kNever, "as4-wire 1.8 token", "A security token cannot be read."},
    CauseFacts{Cause::signer_unknown, "as4.signer_unknown", "EBMS:0101", "FailedAuthentication", "failure",
               "Processing", kError, 200, kNever, "as4-wire 1.6 key references",
               "The certificate that the signature names is not at hand."},
    CauseFacts{Cause::signature, "as4.signature", "EBMS:0101", "FailedAuthentication", "failure", "Processing", kError,
               200, kNever, "as4-wire 1.6 SignatureValue", "The signature value is wrong."},
    CauseFacts{Cause::digest, "as4.digest", "EBMS:0101", "FailedAuthentication", "failure", "Processing", kError, 200,
               kNever, "as4-wire 1.6 DigestValue", "A signed part was changed."},
    CauseFacts{Cause::untrusted, "as4.untrusted", "EBMS:0101", "FailedAuthentication", "failure", "Processing", kError,
               200, kNever, "AP-14",
               "The signing certificate is not of an access point of this federation and environment."},
    CauseFacts{Cause::expired, "as4.expired", "EBMS:0101", "FailedAuthentication", "failure", "Processing", kError, 200,
               kNever, "AP-15", "The signing certificate is not valid now."},
    CauseFacts{Cause::revoked, "as4.revoked", "EBMS:0101", "FailedAuthentication", "failure", "Processing", kError, 200,
               kNever, "AP-15", "The signing certificate is revoked."},
    CauseFacts{Cause::signer_not_party, "as4.signer_not_party", "EBMS:0101", "FailedAuthentication", "failure",
               "Processing", kError, 200, kNever, "AP-04",
               "The From PartyId is not the common name of the signing certificate."},
    CauseFacts{Cause::revocation_unavailable, "as4.revocation_unavailable", "EBMS:0101", "FailedAuthentication",
               "failure", "Processing", AnswerForm::status_only, 503, kLater, "AP-18",
               "Revocation data is not available at the moment."},
    CauseFacts{Cause::decryption, "as4.decryption", "EBMS:0102", "FailedDecryption", "failure", "Processing", kError,
               200, kNever, "as4-wire 1.6", "Decryption failed."},
    CauseFacts{Cause::decompression, "as4.decompression", "EBMS:0303", "DecompressionFailure", "failure",
               "Communication", kError, 200, kNever, "TA30", "A payload part is not a gzip stream."},
    CauseFacts{Cause::decompression_limit, "as4.decompression_limit", "EBMS:0303", "DecompressionFailure", "failure",
               "Communication", kError, 200, kNever, "as4-wire 1.2", "A payload part decompresses beyond the limits."},
    CauseFacts{Cause::duplicate_conflict, "as4.duplicate_conflict", "EBMS:0003", "ValueInconsistent", "failure",
               "Content", kError, 200, kNever, "AP-6", "The MessageId was used before for another message."},
    CauseFacts{Cause::outdated, "as4.outdated", "EBMS:0103", "PolicyNoncompliance", "failure", "Processing", kError,
               200, kNever, "AP-6", "The eb:Timestamp is older than the duplicate memory reaches."},
    // One of the two clocks is wrong, maybe ours: by its code the sender may try again.
    CauseFacts{Cause::premature, "as4.premature", "EBMS:0004", "Other", "failure", "Content", kError, 200, kLater,
               "AP-6", "TIMESTAMP_IN_FUTURE"},
    CauseFacts{Cause::origin, "as4.origin", "EBMS:0101", "FailedAuthentication", "failure", "Processing", kError, 200,
               kNever, "K26", "The sending access point does not serve the originalSender."},
    CauseFacts{Cause::delivery, "as4.delivery", "EBMS:0202", "DeliveryFailure", "failure", "Communication", kError, 200,
               kLater, "as4-wire 1.7", "The message could not be handed on."},
    CauseFacts{Cause::storage, "as4.storage", "EBMS:0202", "DeliveryFailure", "failure", "Communication", kError, 500,
               kLater, "as4-wire 1.7", "The message could not be stored."},
    CauseFacts{Cause::missing_receipt, "as4.missing_receipt", "EBMS:0301", "MissingReceipt", "failure", "Communication",
               AnswerForm::status_only, 200, kLater, "TA15", "No receipt came."},
    CauseFacts{Cause::invalid_receipt, "as4.invalid_receipt", "EBMS:0302", "InvalidReceipt", "failure", "Communication",
               AnswerForm::status_only, 200, kLater, "AP-17", "The receipt is no evidence for what was sent."},
};

}  // namespace

std::span<const CauseFacts> all_causes() {
    return kCauses;
}

const CauseFacts& facts(Cause cause) {
    return kCauses.at(static_cast<std::size_t>(cause));
}

Refusal::Refusal(Cause why, std::string_view own_detail, std::string_view own_rule) : cause(why) {
    const auto& row = facts(why);
    code = row.code;
    short_description = row.short_description;
    severity = row.severity;
    category = row.category;
    // One text for every failed decryption, whatever the caller knows: no padding or format oracle.
    detail = own_detail.empty() || why == Cause::decryption ? row.detail : own_detail;
    rule = own_rule.empty() || why == Cause::decryption ? row.rule : own_rule;
    form = row.form;
    http_status = row.http_status;
    retry = row.retry;
}

std::unexpected<Refusal> refuse(Cause why, std::string_view detail, std::string_view rule) {
    return std::unexpected(Refusal{why, detail, rule});
}

std::string error_detail(const Refusal& refusal) {
    switch (refusal.cause) {
        case Cause::body_too_large:
        case Cause::not_serviced:
        case Cause::xhe_not_conformant:
        case Cause::decryption:
            return refusal.detail;
        default:
            return refusal.rule.empty() ? refusal.detail : refusal.detail + " [" + refusal.rule + "]";
    }
}

}  // namespace budkavle::as4
