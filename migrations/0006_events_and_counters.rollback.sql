DROP TABLE counter_reconciliations;
DROP TABLE change_events;
