DROP TABLE run_io;
DROP TABLE run_steps;
DROP TABLE runs;
