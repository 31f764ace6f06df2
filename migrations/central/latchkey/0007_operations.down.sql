DROP FUNCTION latchkey.health();
DROP FUNCTION latchkey.upper_bound(OID);
DROP TABLE latchkey.table_size;
DROP TABLE latchkey.retention;
DROP TABLE latchkey.drill;
DROP TABLE latchkey.backup;
