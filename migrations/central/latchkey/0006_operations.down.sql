DROP TABLE latchkey.table_size;
DROP TABLE latchkey.retention;
DROP TABLE latchkey.drill;
DROP TABLE latchkey.backup;
