#include "ca/cmp_server.hpp"

#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "base/stream.hpp"
#include "crypto/digest.hpp"

namespace budkavle::ca {
namespace {

using std::chrono::steady_clock;

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, FreeWith<Free>>;
using Message = Owned<OSSL_CMP_MSG, OSSL_CMP_MSG_free>;
using Server = Owned<OSSL_CMP_SRV_CTX, OSSL_CMP_SRV_CTX_free>;

void free_plain(STACK_OF(X509) * stack) {
    sk_X509_free(stack);
}

constexpr std::size_t kMaxClosed = 100'000;
constexpr std::chrono::hours kSignerMemory{1};
/// Kinds of message: tags of PKIBody (RFC 4210 5.1.2).
constexpr int kCr = 2;
constexpr int kP10cr = 4;
constexpr int kKur = 7;
constexpr int kPkiConf = 19;
constexpr int kError = 23;
constexpr int kCertConf = 24;
constexpr int kPollReq = 25;
constexpr int kTemplateKey = 6;  // CertTemplate: publicKey [6] IMPLICIT SubjectPublicKeyInfo

Message parse(ByteView octets) {
    const Owned<BIO, BIO_free> in(BIO_new_mem_buf(octets.data(), static_cast<int>(octets.size())));
    Message out(d2i_OSSL_CMP_MSG_bio(in.get(), nullptr));
    if (BIO_pending(in.get()) != 0) out.reset();
    return out;
}

Bytes der_of(const OSSL_CMP_MSG* message) {
    const Owned<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
    if (i2d_OSSL_CMP_MSG_bio(out.get(), message) <= 0) return {};
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, data + size};
}

std::string transaction_of(const OSSL_CMP_MSG* message) {
    const auto* id = OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(message));
    if (id == nullptr) return {};
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(id)), static_cast<std::size_t>(ASN1_STRING_length(id))};
}

/// The key that is asked for; OpenSSL 3.0 has no function for this field.
std::optional<crypto::PublicKey> key_of(const OSSL_CRMF_MSG* request) {
    unsigned char* raw = nullptr;
    const int size = i2d_OSSL_CRMF_CERTTEMPLATE(OSSL_CRMF_MSG_get0_tmpl(request), &raw);
    if (size <= 0) return std::nullopt;
    Bytes der(raw, raw + size);
    OPENSSL_free(raw);
    const auto* at = static_cast<const unsigned char*>(der.data());
    long length = 0;
    int tag = 0;
    int kind = 0;
    if ((ASN1_get_object(&at, &length, &tag, &kind, size) & 0x80) != 0) return std::nullopt;
    const auto* end = at + length;
    while (at < end) {
        const auto* start = at;
        if ((ASN1_get_object(&at, &length, &tag, &kind, end - at) & 0x80) != 0) return std::nullopt;
        if (tag == kTemplateKey && kind == V_ASN1_CONTEXT_SPECIFIC) {
            Bytes spki(start, at + length);
            spki[0] = V_ASN1_CONSTRUCTED | V_ASN1_SEQUENCE;
            const auto* from = static_cast<const unsigned char*>(spki.data());
            auto* key = d2i_PUBKEY(nullptr, &from, static_cast<long>(spki.size()));
            if (key == nullptr) return std::nullopt;
            return crypto::PublicKey(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
        }
        at += length;
    }
    return std::nullopt;
}

OSSL_CMP_PKISI* refuse(int why, const std::string& text) {
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, why, text.c_str());
}

}  // namespace

struct CmpServer::State {
    /// One exchange, from the request to the confirmation.
    struct Transaction {
        State& all;
        std::string ca;
        std::mutex mutex;
        Server server{};
        std::optional<crypto::Certificate> signer{};  ///< whose signature protects the message
        std::string request;                          ///< id of the desk's request, while the machine waits
        Message waiting{};                            ///< what it asked, processed again once approved
        std::optional<crypto::Certificate> issued{};
        steady_clock::time_point last = steady_clock::now();
        bool closed = false;

        Transaction(State& an_all, std::string a_ca) : all(an_all), ca(std::move(a_ca)) {}
    };

    CmpConfig config;
    Authority& authority;
    Requests desk;
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<Transaction>> open;
    std::set<std::string> closed;
    std::mutex signer_mutex;
    std::map<std::string, std::pair<crypto::Identity, steady_clock::time_point>> signers;

    State(const CmpConfig& a_config, Authority& an_authority)
        : config(a_config), authority(an_authority), desk(an_authority) {}

    static Transaction& of(OSSL_CMP_SRV_CTX* server) {
        return *static_cast<Transaction*>(OSSL_CMP_SRV_CTX_get0_custom_ctx(server));
    }

    /// Remembers the certificate whose path was found good; the last one is the one whose signature then is checked.
    static int note_signer(int good, X509_STORE_CTX* context) {
        if (good == 1 && X509_STORE_CTX_get_error_depth(context) == 0) {
            auto* store = X509_STORE_CTX_get0_store(context);
            auto* transaction = static_cast<Transaction*>(X509_STORE_get_ex_data(store, 0));
            unsigned char* raw = nullptr;
            const int size = i2d_X509(X509_STORE_CTX_get_current_cert(context), &raw);
            if (transaction != nullptr && size > 0) {
                if (auto parsed = crypto::Certificate::from_der({raw, static_cast<std::size_t>(size)}))
                    transaction->signer = std::move(*parsed);
            }
            if (size > 0) OPENSSL_free(raw);
        }
        return good;
    }

    /// The register's word about the sender: issued here, by this CA, not revoked, not ended.
    static Result<IssuedRecord> sender(const Transaction& transaction) {
        if (!transaction.signer) return fail("cmp.sender", "The message has no signer.");
        BUDKAVLE_TRY(auto record, transaction.all.authority.book().by_fingerprint(transaction.signer->sha256_hex()));
        if (!record || record->ca != transaction.ca) return fail("cmp.sender", "The sender's certificate is not of this CA.");
        if (state_of(*record, transaction.all.authority.clock().now()) != CertificateState::valid)
            return fail("cmp.revoked", "The sender's certificate is revoked or has ended.");
        return std::move(*record);
    }

    /// The request of the desk for this key; made when a key update is new.
    static Result<PkiRequest> find(Transaction& transaction, const IssuedRecord& from, bool update, const crypto::PublicKey& key) {
        auto& desk = transaction.all.desk;
        BUDKAVLE_TRY(auto known, desk.newest_for(fingerprint(key)));
        if (!known && update) {
            BUDKAVLE_TRY(known, desk.submit_signed_renewal("cmp:" + from.common_name, from, key));
        }
        if (!known || known->ca != transaction.ca || known->kind == RequestKind::revoke)
            return fail("cmp.not_approved", "No certificate was approved for this key.");
        const bool same_name = known->order.common_name == from.common_name;
        if (known->order.organisation != from.organisation || (update && !same_name))
            return fail("cmp.not_approved", "No certificate was approved for this sender and key.");
        return std::move(*known);
    }

    static OSSL_CMP_PKISI* decide(Transaction& transaction, const OSSL_CMP_MSG* message, const crypto::PublicKey& key,
                                  bool update, X509** made, STACK_OF(X509) * *chain) {
        const auto from = sender(transaction);
        if (!from) return refused(transaction, from.error(), from.error().code == "cmp.revoked" ? OSSL_CMP_CTX_FAILINFO_certRevoked : OSSL_CMP_CTX_FAILINFO_notAuthorized);
        auto request = find(transaction, *from, update, key);
        if (!request) return refused(transaction, request.error(), OSSL_CMP_CTX_FAILINFO_notAuthorized);
        if (request->state == RequestState::verified || request->state == RequestState::received) {
            transaction.request = request->id;
            transaction.waiting.reset(OSSL_CMP_MSG_dup(message));
            return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, "The request waits for approval.");
        }
        const auto certificate = transaction.all.desk.issue("cmp:" + from->common_name, request->id);
        if (!certificate) return refused(transaction, certificate.error(), OSSL_CMP_CTX_FAILINFO_notAuthorized);
        const auto above = transaction.all.authority.chain_of(transaction.ca);
        if (!above) return refused(transaction, above.error(), OSSL_CMP_CTX_FAILINFO_systemFailure);
        transaction.issued = *certificate;
        X509_up_ref(certificate->raw());
        *made = certificate->raw();
        *chain = sk_X509_new_null();
        for (const auto& one : *above) {
            X509_up_ref(one.raw());
            sk_X509_push(*chain, one.raw());
        }
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, nullptr);
    }

    static OSSL_CMP_PKISI* refused(const Transaction& transaction, const Error& error, int why) {
        auto fields = obs::error_fields(error);
        fields.push_back({"ca", transaction.ca});
        transaction.all.authority.log().audit(
            transaction.signer ? "cmp:" + transaction.signer->common_name() : "cmp", "ca.cmp_refused", fields);
        return refuse(why, error.text);
    }

    static OSSL_CMP_PKISI* on_request(OSSL_CMP_SRV_CTX* server, const OSSL_CMP_MSG* message, int /*id*/,
                                      const OSSL_CRMF_MSG* crmf, const X509_REQ* pkcs10, X509** made,
                                      STACK_OF(X509) * *chain, STACK_OF(X509) * * /*ca_publications*/) {
        auto& transaction = of(server);
        const int body = OSSL_CMP_MSG_get_bodytype(message);
        if (pkcs10 != nullptr) {
            auto* key = X509_REQ_get_pubkey(const_cast<X509_REQ*>(pkcs10));
            const bool proven = key != nullptr && X509_REQ_verify(const_cast<X509_REQ*>(pkcs10), key) == 1;
            const crypto::PublicKey shared{std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free)};
            if (!proven) return refuse(OSSL_CMP_CTX_FAILINFO_badPOP, "The request does not prove its key.");
            return decide(transaction, message, shared, false, made, chain);
        }
        const auto key = crmf == nullptr ? std::nullopt : key_of(crmf);
        if (!key) return refuse(OSSL_CMP_CTX_FAILINFO_badCertTemplate, "The request has no key.");
        const bool update = body == kKur;
        if (!update && body != kCr)
            return refuse(OSSL_CMP_CTX_FAILINFO_badRequest, "Only kur, cr and p10cr are served.");
        if (update) {
            // RFC 4210 5.3.5: the certificate that is renewed is the one that signs.
            const auto* old = OSSL_CRMF_MSG_get0_regCtrl_oldCertID(crmf);
            const bool own = old != nullptr && transaction.signer &&
                             ASN1_INTEGER_cmp(OSSL_CRMF_CERTID_get0_serialNumber(old),
                                              X509_get0_serialNumber(transaction.signer->raw())) == 0 &&
                             X509_NAME_cmp(OSSL_CRMF_CERTID_get0_issuer(old),
                                           X509_get_issuer_name(transaction.signer->raw())) == 0;
            if (!own)
                return refused(transaction, Error{"cmp.other", "RFC 4210 5.3.5", {}, "Only the sender's own certificate is renewed.", {}, Retry::never},
                               OSSL_CMP_CTX_FAILINFO_badCertId);
        }
        return decide(transaction, message, *key, update, made, chain);
    }

    static int on_confirmation(OSSL_CMP_SRV_CTX* server, const OSSL_CMP_MSG* /*message*/, int /*id*/,
                               const ASN1_OCTET_STRING* hash, const OSSL_CMP_PKISI* /*status*/) {
        auto& transaction = of(server);
        transaction.closed = true;
        if (!transaction.issued) return 0;
        const auto expected = crypto::sha256(transaction.issued->der());
        const ByteView given(ASN1_STRING_get0_data(hash), static_cast<std::size_t>(ASN1_STRING_length(hash)));
        return std::ranges::equal(expected, given) ? 1 : 0;
    }

    static int on_poll(OSSL_CMP_SRV_CTX* server, const OSSL_CMP_MSG* /*message*/, int /*id*/, OSSL_CMP_MSG** request,
                       std::int64_t* check_after) {
        auto& transaction = of(server);
        *request = nullptr;
        *check_after = transaction.all.config.poll.count();
        if (!transaction.waiting) return 0;
        const auto now = transaction.all.desk.get(transaction.request);
        if (!now || (now->state != RequestState::verified && now->state != RequestState::received))
            *request = OSSL_CMP_MSG_dup(transaction.waiting.get());
        return 1;
    }

    static void on_error(OSSL_CMP_SRV_CTX* server, const OSSL_CMP_MSG* /*message*/, const OSSL_CMP_PKISI* /*status*/,
                         const ASN1_INTEGER* /*code*/, const OSSL_CMP_PKIFREETEXT* /*details*/) {
        of(server).closed = true;
    }

    /// Kept for an hour: opening a key is slow, and anybody can begin a transaction.
    Result<crypto::Identity> signer_of(const std::string& ca) {
        const std::lock_guard lock(signer_mutex);
        if (const auto known = signers.find(ca);
            known != signers.end() && steady_clock::now() - known->second.second < kSignerMemory)
            return known->second.first;
        BUDKAVLE_TRY(auto signer, authority.service_signer("ca.cmp", ca, kCmpProfile));
        signers.insert_or_assign(ca, std::pair(signer, steady_clock::now()));
        return signer;
    }

    Result<> begin(Transaction& transaction) {
        BUDKAVLE_TRY(const auto signer, signer_of(transaction.ca));
        BUDKAVLE_TRY(const auto above, authority.chain_of(transaction.ca));
        transaction.server.reset(OSSL_CMP_SRV_CTX_new(nullptr, nullptr));
        auto* server = transaction.server.get();
        Owned<X509_STORE, X509_STORE_free> trust(X509_STORE_new());
        if (server == nullptr || !trust ||
            OSSL_CMP_SRV_CTX_init(server, &transaction, on_request, nullptr, nullptr, on_error, on_confirmation, on_poll) != 1)
            return fail("cmp.failed", "The transaction could not be begun.");
        OSSL_CMP_SRV_CTX_set_send_unprotected_errors(server, 0);
        OSSL_CMP_SRV_CTX_set_accept_unprotected(server, 0);
        OSSL_CMP_SRV_CTX_set_accept_raverified(server, 0);
        OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(server, 1);
        // The issuing CA alone is the anchor: its root may have certified others.
        X509_STORE_add_cert(trust.get(), above.front().raw());
        X509_STORE_set_flags(trust.get(), X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(trust.get()),
                                   std::chrono::floor<seconds>(authority.clock().now()).time_since_epoch().count());
        X509_STORE_set_ex_data(trust.get(), 0, &transaction);
        X509_STORE_set_verify_cb(trust.get(), note_signer);
        auto* context = OSSL_CMP_SRV_CTX_get0_cmp_ctx(server);
        const bool set = OSSL_CMP_CTX_set0_trustedStore(context, trust.get()) == 1;
        if (set) (void)trust.release();
        const Owned<STACK_OF(X509), free_plain> chain(sk_X509_new_null());
        for (const auto& one : above) sk_X509_push(chain.get(), one.raw());
        if (!set || OSSL_CMP_CTX_set1_cert(context, signer.certificate().raw()) != 1 ||
            OSSL_CMP_CTX_set1_pkey(context, signer.key->raw()) != 1 ||
            OSSL_CMP_CTX_set1_extraCertsOut(context, chain.get()) != 1)
            return fail("cmp.failed", "The transaction could not be begun.");
        return {};
    }

    /// The transaction a message belongs to; a new one for a first message. "cmp.replay": it was closed before.
    Result<std::shared_ptr<Transaction>> transaction_for(const std::string& id, const std::string& ca, bool first) {
        const std::lock_guard lock(mutex);
        std::erase_if(open, [&](const auto& one) { return steady_clock::now() - one.second->last > config.memory; });
        if (closed.contains(id)) return fail("cmp.replay", "The transaction has ended.");
        if (const auto known = open.find(id); known != open.end()) {
            if (first || known->second->ca != ca) return fail("cmp.replay", "The transaction is under way.");
            return known->second;
        }
        if (!first) return fail("cmp.unknown", "The transaction is not known.");
        if (open.size() >= config.transactions) return fail("cmp.busy", "Too many transactions are open.", Retry::later);
        auto made = std::make_shared<Transaction>(*this, ca);
        open.emplace(id, made);
        return made;
    }

    void close(const std::string& id) {
        const std::lock_guard lock(mutex);
        open.erase(id);
        if (closed.size() >= kMaxClosed) closed.clear();
        closed.insert(id);
    }

    Result<Bytes> exchange(ByteView octets, const std::string& ca) {
        const auto message = parse(octets);
        const auto id = message ? transaction_of(message.get()) : std::string();
        if (id.empty()) return fail("cmp.malformed", "These octets are no CMP message with a transaction.");
        const int body = OSSL_CMP_MSG_get_bodytype(message.get());
        const bool first = body == kCr || body == kP10cr || body == kKur;
        if (!first && body != kCertConf && body != kPollReq && body != kError)
            return fail("cmp.unsupported", "Only kur, cr and p10cr are served.");
        BUDKAVLE_TRY(const auto transaction, transaction_for(id, ca, first));
        const std::lock_guard lock(transaction->mutex);
        transaction->last = steady_clock::now();
        if (!transaction->server) {
            if (auto begun = begin(*transaction); !begun) {
                close(id);
                return std::unexpected(std::move(begun).error());
            }
        }
        const Message answer(OSSL_CMP_SRV_process_request(transaction->server.get(), message.get()));
        if (!answer) {
            close(id);
            return fail("cmp.refused", "The message was refused.");
        }
        const int said = OSSL_CMP_MSG_get_bodytype(answer.get());
        if (said == kError || said == kPkiConf || transaction->closed) close(id);
        return der_of(answer.get());
    }

};

CmpServer::CmpServer(const CmpConfig& config, Authority& authority)
    : state_(std::make_unique<State>(config, authority)) {}
CmpServer::~CmpServer() = default;

net::Response CmpServer::serve(net::Request& request, const std::string& ca) {
    const auto refuse_http = [](int status, const Error& error) { return net::problem(status, error); };
    if (request.method != "POST") {
        auto out = refuse_http(405, Error{"cmp.method", "RFC 6712", {}, "CMP is asked by POST.", {}, Retry::never});
        out.headers.add("Allow", "POST");
        return out;
    }
    const auto type = request.headers.get("Content-Type").value_or("");
    if (to_lower_ascii(trim(split(type, ';').front())) != "application/pkixcmp")
        return refuse_http(415, Error{"cmp.type", "RFC 6712", {}, "A CMP message is application/pkixcmp.", {}, Retry::never});
    const auto body = read_all(*request.body, kMaxCmpMessage);
    if (!body) return refuse_http(413, body.error());
    const auto answer = state_->exchange(*body, ca);
    ERR_clear_error();
    if (!answer) {
        const auto& error = answer.error();
        if (error.code != "cmp.malformed") {
            auto fields = obs::error_fields(error);
            fields.push_back({"ca", ca});
            state_->authority.log().audit("cmp", "ca.cmp_refused", fields);
        }
        return refuse_http(error.retry == Retry::later ? 503 : 400, error);
    }
    net::Response out;
    out.headers.add("Content-Type", "application/pkixcmp");
    out.headers.add("Cache-Control", "no-store");
    out.body = as_text(*answer);
    return out;
}

}  // namespace budkavle::ca
