#include "ca/schema.hpp"

namespace budkavle::ca {

const std::vector<store::Migration>& migrations() {
    static const std::vector<store::Migration> all{{1, R"sql(
CREATE TABLE authority (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    parent TEXT NOT NULL,
    certificate BLOB NOT NULL,
    crl_validity BIGINT NOT NULL,
    crl_number BIGINT NOT NULL,
    crl_issued BIGINT,
    crl_due BIGINT NOT NULL
);
CREATE TABLE certificate (
    ca TEXT NOT NULL REFERENCES authority(id),
    serial TEXT NOT NULL,
    profile TEXT NOT NULL,
    certificate BLOB NOT NULL,
    key_sha256 TEXT NOT NULL UNIQUE,
    common_name TEXT NOT NULL,
    organisation TEXT NOT NULL,
    issued BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    revoked BIGINT,
    reason TEXT,
    cause TEXT,
    PRIMARY KEY (ca, serial)
);
CREATE INDEX certificate_name ON certificate (ca, common_name);
)sql"},
                                                   {2, R"sql(
ALTER TABLE authority ADD COLUMN changes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE authority ADD COLUMN crl BLOB;
ALTER TABLE authority ADD COLUMN crl_published BIGINT NOT NULL DEFAULT 0;
ALTER TABLE certificate ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE certificate ADD COLUMN search TEXT NOT NULL DEFAULT '';
CREATE INDEX certificate_sha256 ON certificate (sha256);
CREATE INDEX certificate_issued ON certificate (issued, ca, serial);
CREATE TABLE blocked_key (
    key_sha256 TEXT PRIMARY KEY,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE TABLE request (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    ca TEXT NOT NULL,
    serial TEXT NOT NULL,
    key_sha256 TEXT NOT NULL,
    organisation TEXT NOT NULL,
    common_name TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX request_state ON request (state, created);
CREATE INDEX request_key ON request (key_sha256);
)sql"},
                                                   {3, R"sql(
CREATE TABLE ocsp_signer (
    ca TEXT NOT NULL,
    serial TEXT NOT NULL,
    key_name TEXT NOT NULL,
    PRIMARY KEY (ca, serial)
);
CREATE TABLE ocsp_answer (
    ca TEXT NOT NULL,
    serial TEXT NOT NULL,
    hash BIGINT NOT NULL,
    revoked BIGINT NOT NULL,
    made BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    answer BLOB NOT NULL,
    PRIMARY KEY (ca, serial, hash)
);
)sql"},
                                                   {4, R"sql(
ALTER TABLE authority ADD COLUMN offline BIGINT NOT NULL DEFAULT 0;
CREATE TABLE lost_revocation (
    ca TEXT NOT NULL,
    serial TEXT NOT NULL,
    revoked BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (ca, serial)
);
)sql"}};
    return all;
}

}  // namespace budkavle::ca
