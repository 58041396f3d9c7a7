-- name: notify()^
-- Wake who listens for events.
-- The notification says nothing but that there may be events. It is sent after the commit of an
-- event, in a transaction of its own, because commits with notifications wait for each other. This
-- commit waits for no disk: a crash ends all listeners with the notification.
-- Record: Notification
-- Index:  none: no table is read
-- Locks:  function: pg_notify, function: set_config
-- Null:   synchronous_commit, set_config returns the new value; sent, pg_notify returns no NULL
SELECT
    set_config('synchronous_commit', 'off', TRUE) AS synchronous_commit,
    pg_notify('vrooli_data_events', '')::text AS sent;
