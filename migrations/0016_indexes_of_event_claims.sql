-- transactional: false
-- squawk-ignore-file prefer-robust-stmts, ban-concurrent-index-creation-in-transaction
--
-- A relay goes from entity to entity, by events that are neither published nor parked. Parked events
-- have indexes of their own, which stay small.
--
-- Each index is dropped first: CREATE INDEX CONCURRENTLY that was cut short leaves an invalid one
-- behind, and so the whole file can be run again at any time. No statement blocks reads or writes.

ALTER TABLE change_events VALIDATE CONSTRAINT change_events_claimed_until_check;
ALTER TABLE change_events VALIDATE CONSTRAINT change_events_resent_at_check;

DROP INDEX CONCURRENTLY IF EXISTS change_events_entity_type_entity_id_seq_idx;
-- events.list_heads and events.claim: the next entity that has an event to deliver, and its events
-- in order.
CREATE INDEX CONCURRENTLY change_events_entity_type_entity_id_seq_idx
ON change_events (entity_type, entity_id, seq)
WHERE published_at IS NULL AND parked_at IS NULL;

DROP INDEX CONCURRENTLY IF EXISTS change_events_parked_entity_type_entity_id_seq_idx;
-- events.list_heads: whether an earlier event of an entity is parked.
CREATE INDEX CONCURRENTLY change_events_parked_entity_type_entity_id_seq_idx
ON change_events (entity_type, entity_id, seq)
WHERE parked_at IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS change_events_parked_at_seq_idx;
-- events.list_parked__parked_at, and its _after and _before.
CREATE INDEX CONCURRENTLY change_events_parked_at_seq_idx
ON change_events (parked_at DESC, seq DESC)
WHERE parked_at IS NOT NULL;

-- It was for a relay that reads all unpublished events in one order.
DROP INDEX CONCURRENTLY IF EXISTS change_events_seq_idx;
