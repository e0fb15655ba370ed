#pragma once
/// Looking at a request again, years later: its SOAP part alone, without payloads (SEC-05).

#include "as4/seal.hpp"
#include "as4/user_message.hpp"
#include "as4/verify.hpp"

namespace budkavle::as4 {

/// What the header of a request proves by itself: who signed it, and which digests they vouched for.
struct HeaderProof {
    UserMessage message;
    crypto::Certificate signer;
    Evidence evidence;
};

/// `soap`: the octets of the SOAP part. Grammar, structure of the Security header, signer by `trust` at its time,
/// signature value, digests of Messaging and Body, coverage of every part that the header names. The digests of the
/// payloads are proven to be what the signer meant; the payloads themselves are not here.
[[nodiscard]] Outcome<HeaderProof> recheck_header(std::string_view soap, const SignerTrust& trust);

}  // namespace budkavle::as4
