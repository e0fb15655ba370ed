#include "admin/tables.hpp"

namespace budkavle::admin {
namespace {

constexpr std::string_view kFirst = R"(
CREATE TABLE admin_account (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, name TEXT NOT NULL, system INTEGER NOT NULL, status TEXT NOT NULL,
  created INTEGER NOT NULL, created_by TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TABLE admin_credential (
  id TEXT PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, added INTEGER NOT NULL,
  added_by TEXT NOT NULL, UNIQUE (kind, value));
CREATE INDEX admin_credential_account ON admin_credential (account);
CREATE TABLE admin_grant (
  id TEXT PRIMARY KEY, account TEXT NOT NULL, role TEXT NOT NULL, scope TEXT NOT NULL, granted INTEGER NOT NULL,
  expires INTEGER NOT NULL, granted_by TEXT NOT NULL, reason TEXT NOT NULL);
CREATE INDEX admin_grant_account ON admin_grant (account);

CREATE TABLE admin_case (
  id TEXT PRIMARY KEY, operation TEXT NOT NULL, request TEXT NOT NULL, reason TEXT NOT NULL,
  proposer TEXT NOT NULL, proposer_name TEXT NOT NULL, proposer_person TEXT NOT NULL, request_id TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER NOT NULL, state TEXT NOT NULL, decided_by TEXT NOT NULL,
  decided INTEGER, decision_reason TEXT NOT NULL, status INTEGER NOT NULL, result TEXT NOT NULL);
CREATE INDEX admin_case_created ON admin_case (created);

-- Lines are only ever added; each holds the hash of the one before (SEC-12).
CREATE TABLE admin_audit (
  position INTEGER PRIMARY KEY, time INTEGER NOT NULL, account TEXT NOT NULL, operation TEXT NOT NULL,
  object_type TEXT NOT NULL, object_id TEXT NOT NULL, request_id TEXT NOT NULL, line TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX admin_audit_time ON admin_audit (time);
CREATE INDEX admin_audit_object ON admin_audit (object_id);

CREATE TABLE admin_idempotency (
  account TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, begun INTEGER NOT NULL, answer TEXT,
  PRIMARY KEY (account, key));
CREATE INDEX admin_idempotency_begun ON admin_idempotency (begun);
)";

}  // namespace

const std::vector<store::Migration>& tables() {
    static const std::vector<store::Migration> all{{1, kFirst}};
    return all;
}

}  // namespace budkavle::admin
