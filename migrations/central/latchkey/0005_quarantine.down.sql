DROP FUNCTION latchkey.decide(UUID, TEXT);
DROP FUNCTION latchkey.quarantine();
DROP FUNCTION latchkey.require_administrator();
