DROP VIEW latchkey.recovered;
DROP FUNCTION latchkey.begin_epoch(TEXT);
