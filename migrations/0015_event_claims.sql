-- Relays claim events for a time, parked events can be sent again, and what was pruned is known.
-- This makes the columns; the next file validates their CHECKs and builds their indexes.

ALTER TABLE change_events
ADD COLUMN claimed_by uuid,
ADD COLUMN claimed_until timestamptz,
ADD COLUMN resent_at timestamptz,
ADD CONSTRAINT change_events_claimed_until_check
CHECK (claimed_until BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00') NOT VALID,
ADD CONSTRAINT change_events_resent_at_check
CHECK (resent_at BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00') NOT VALID;

COMMENT ON COLUMN change_events.claimed_by IS
'The claim of the relay that delivers it, made anew for each poll. NULL: none.';
COMMENT ON COLUMN change_events.claimed_until IS
'Until then no other relay claims it. NULL: never claimed, or given back.';
COMMENT ON COLUMN change_events.resent_at IS
'When it was sent again after it was parked: later events may have come before it. NULL: never.';

-- One row once something was pruned, none before.
CREATE TABLE pruned_events (
    id integer NOT NULL DEFAULT 1,
    xid xid8 NOT NULL,
    seq bigint NOT NULL,
    CONSTRAINT pruned_events_pkey PRIMARY KEY (id),
    CONSTRAINT pruned_events_id_check CHECK (id = 1)
);

COMMENT ON TABLE pruned_events IS
'The last position (xid, seq) of change_events that was pruned. A reader before it missed events.';
