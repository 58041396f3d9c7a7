-- transactional: false
-- squawk-ignore-file prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
DROP INDEX CONCURRENTLY IF EXISTS change_events_seq_idx;
CREATE INDEX CONCURRENTLY change_events_seq_idx ON change_events (seq)
WHERE published_at IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS change_events_parked_at_seq_idx;
DROP INDEX CONCURRENTLY IF EXISTS change_events_parked_entity_type_entity_id_seq_idx;
DROP INDEX CONCURRENTLY IF EXISTS change_events_entity_type_entity_id_seq_idx;
CREATE INDEX CONCURRENTLY change_events_entity_type_entity_id_seq_idx
ON change_events (entity_type, entity_id, seq)
WHERE published_at IS NULL;
