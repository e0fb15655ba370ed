#include "accesspoint/evidence_form.hpp"

#include "as4/condense.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::size_t kLengthField = 4;
constexpr std::size_t kLargest = std::size_t{4} << 20;  ///< head of a request and an answer are far smaller

// Part of the form: a changed octet here would make what is stored unreadable.
constexpr std::string_view kMarkup =
    R"(<?xml version="1.0" encoding="UTF-8"?><S12:Envelope xmlns:S12="http://www.w3.org/2003/05/soap-envelope"><S12:Header>)"
    R"(<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd")"
    R"( xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" S12:mustUnderstand="true">)"
    R"(<wsse:BinarySecurityToken EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary")"
    R"( ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3" wsu:Id="_x509-enc-"></wsse:BinarySecurityToken>)"
    R"(<xenc:EncryptedKey xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="_ek-">)"
    R"(<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>)"
    R"(<xenc11:MGF xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"></xenc11:MGF></xenc:EncryptionMethod>)"
    R"(<ds:KeyInfo><wsse:SecurityTokenReference><wsse:Reference URI="#_x509-enc-" ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"></wsse:Reference>)"
    R"(</wsse:SecurityTokenReference></ds:KeyInfo><xenc:CipherData><xenc:CipherValue></xenc:CipherValue></xenc:CipherData><xenc:ReferenceList><xenc:DataReference URI="#_ed-"></xenc:DataReference>)"
    R"(</xenc:ReferenceList></xenc:EncryptedKey><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Id="_ed-" MimeType="application/gzip")"
    R"( Type="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Only"><xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"></xenc:EncryptionMethod>)"
    R"(<xenc:CipherData><xenc:CipherReference URI="cid:message"><xenc:Transforms><ds:Transform Algorithm="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Ciphertext-Transform"></ds:Transform>)"
    R"(</xenc:Transforms></xenc:CipherReference></xenc:CipherData></xenc:EncryptedData><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="_sig"><ds:SignedInfo>)"
    R"(<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>)"
    R"(<ds:Reference URI="cid:message"><ds:Transforms><ds:Transform Algorithm="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform"></ds:Transform></ds:Transforms>)"
    R"(<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue></ds:Signature></wsse:Security>)"
    R"(<eb:Messaging xmlns:eb="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" wsu:Id="_msg-" S12:mustUnderstand="true">)"
    R"(<eb:UserMessage><eb:MessageInfo><eb:Timestamp>2026-</eb:Timestamp><eb:MessageId></eb:MessageId><eb:RefToMessageId></eb:RefToMessageId></eb:MessageInfo><eb:PartyInfo><eb:From>)"
    R"(<eb:PartyId type="urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:ap"></eb:PartyId><eb:Role>http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/initiator</eb:Role></eb:From><eb:To></eb:To></eb:PartyInfo>)"
    R"(<eb:CollaborationInfo><eb:AgreementRef></eb:AgreementRef><eb:Service type="urn:fdc:digg.se:edelivery:process"></eb:Service><eb:Action></eb:Action><eb:ConversationId></eb:ConversationId></eb:CollaborationInfo>)"
    R"(<eb:MessageProperties><eb:Property name="originalSender" type="iso6523-actorid-upis">0203:</eb:Property><eb:Property name="finalRecipient"></eb:Property></eb:MessageProperties>)"
    R"(<eb:PayloadInfo><eb:PartInfo href="cid:message"><eb:PartProperties><eb:Property name="MimeType">text/xml</eb:Property><eb:Property name="CharacterSet">UTF-8</eb:Property><eb:Property name="CompressionType">application/gzip</eb:Property>)"
    R"(</eb:PartProperties></eb:PartInfo></eb:PayloadInfo></eb:UserMessage><eb:SignalMessage><eb:Receipt><ebbp:NonRepudiationInformation xmlns:ebbp="http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0">)"
    R"(<ebbp:MessagePartNRInformation><ds:Reference xmlns:ds="http://www.w3.org/2000/09/xmldsig#" URI="#_msg-"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform></ds:Transforms>)"
    R"(</ds:Reference></ebbp:MessagePartNRInformation></ebbp:NonRepudiationInformation></eb:Receipt></eb:SignalMessage></eb:Messaging></S12:Header><S12:Body xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" wsu:Id="_body-"></S12:Body></S12:Envelope>)";

Bytes dictionary(ByteView own_certificate, ByteView peer_certificate) {
    std::string text(kMarkup);
    text += base64_encode(own_certificate);
    text += base64_encode(peer_certificate);
    return to_bytes(text);
}

std::unexpected<Error> damaged() {
    return fail("evidence.damaged", "SEC-05", {}, "Kept evidence cannot be read.", "Restore it from a backup.");
}

}  // namespace

Result<Bytes> condense_exchange(std::string_view request, ByteView answer, ByteView own_certificate,
                                ByteView peer_certificate) {
    if (request.size() + answer.size() + kLengthField > kLargest)
        return fail("evidence.too_large", "Request and answer are larger than any that is accepted.");
    Bytes clear;
    clear.reserve(kLengthField + request.size() + answer.size());
    for (unsigned shift = 0; shift < 32; shift += 8) clear.push_back(static_cast<std::uint8_t>(request.size() >> shift));
    clear.insert(clear.end(), as_bytes(request).begin(), as_bytes(request).end());
    clear.insert(clear.end(), answer.begin(), answer.end());
    return as4::condense(clear, dictionary(own_certificate, peer_certificate));
}

Result<ExchangeOctets> expand_exchange(ByteView condensed, ByteView own_certificate, ByteView peer_certificate) {
    const auto clear = as4::expand(condensed, dictionary(own_certificate, peer_certificate), kLargest);
    if (!clear || clear->size() < kLengthField) return damaged();
    std::size_t length = 0;
    for (std::size_t i = 0; i < kLengthField; ++i) length |= std::size_t{(*clear)[i]} << (8 * i);
    const auto octets = ByteView(*clear).subspan(kLengthField);
    if (length > octets.size()) return damaged();
    const auto answer = octets.subspan(length);
    return ExchangeOctets{std::string(as_text(octets.first(length))), Bytes(answer.begin(), answer.end())};
}

}  // namespace budkavle::accesspoint
