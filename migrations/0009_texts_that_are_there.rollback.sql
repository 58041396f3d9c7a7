-- What was merged stays merged, and what was folded goes with its columns.
SELECT 1;
