#include "sml/schema.hpp"

namespace budkavle::sml {

const std::vector<store::Migration>& migrations() {
    static const std::vector<store::Migration> all{{1, R"(
CREATE TABLE sml_state(id INTEGER PRIMARY KEY CHECK(id = 1), change INTEGER NOT NULL, alive INTEGER NOT NULL);
INSERT INTO sml_state(id, change, alive) VALUES(1, 0, 0);
CREATE TABLE sml_domains(zone TEXT PRIMARY KEY, layout TEXT NOT NULL, url_scheme TEXT NOT NULL, authorisation TEXT NOT NULL,
                         issuer BLOB, subject_pattern TEXT NOT NULL, participant_pattern TEXT NOT NULL,
                         publisher_pattern TEXT NOT NULL, max_participants INTEGER NOT NULL, max_per_publisher INTEGER NOT NULL);
CREATE TABLE sml_accounts(id TEXT PRIMARY KEY, domain TEXT NOT NULL REFERENCES sml_domains(zone), blocked INTEGER NOT NULL);
CREATE TABLE sml_credentials(sha256 TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES sml_accounts(id) ON DELETE CASCADE,
                             der BLOB NOT NULL, planned INTEGER NOT NULL, valid_from INTEGER NOT NULL);
CREATE INDEX sml_credentials_account ON sml_credentials(account);
CREATE TABLE sml_publishers(folded TEXT PRIMARY KEY, id TEXT NOT NULL, account TEXT NOT NULL REFERENCES sml_accounts(id),
                            domain TEXT NOT NULL, logical_address TEXT NOT NULL, physical_address TEXT NOT NULL,
                            participants INTEGER NOT NULL);
CREATE INDEX sml_publishers_account ON sml_publishers(account);
CREATE TABLE sml_participants(name TEXT PRIMARY KEY, sorted TEXT NOT NULL UNIQUE, domain TEXT NOT NULL, scheme TEXT NOT NULL,
                              value TEXT NOT NULL, publisher TEXT NOT NULL REFERENCES sml_publishers(folded),
                              changed INTEGER NOT NULL, published INTEGER);
CREATE INDEX sml_participants_publisher ON sml_participants(publisher, sorted);
CREATE TABLE sml_migrations(name TEXT PRIMARY KEY, scheme TEXT NOT NULL, value TEXT NOT NULL, domain TEXT NOT NULL,
                            origin TEXT NOT NULL, target TEXT NOT NULL, salt BLOB NOT NULL, digest BLOB NOT NULL,
                            attempts INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE sml_queue(name TEXT PRIMARY KEY, domain TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
                       publisher TEXT NOT NULL, account TEXT NOT NULL, removal INTEGER NOT NULL, state TEXT NOT NULL,
                       attempts INTEGER NOT NULL, since INTEGER NOT NULL, due INTEGER NOT NULL, change INTEGER NOT NULL,
                       last_error TEXT NOT NULL);
CREATE INDEX sml_queue_due ON sml_queue(domain, due);
CREATE TABLE sml_zones(zone TEXT PRIMARY KEY, holder TEXT NOT NULL, lease INTEGER NOT NULL, reconcile INTEGER NOT NULL,
                       reconciled INTEGER NOT NULL, report TEXT NOT NULL);
)"}};
    return all;
}

}  // namespace budkavle::sml
