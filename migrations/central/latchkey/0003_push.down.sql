DROP FUNCTION latchkey.push(TEXT, TEXT);
DROP FUNCTION latchkey.take_command(latchkey.device, BOOLEAN, JSONB);
DROP FUNCTION latchkey.apply_command(latchkey.device, JSONB);
DROP FUNCTION latchkey.is_satisfied(JSONB);
DROP FUNCTION latchkey.project_activity(latchkey.device, TEXT, JSONB);
DROP FUNCTION latchkey.append_entry(latchkey.device, BIGINT, TEXT);
DROP FUNCTION latchkey.apply_change(TEXT, TEXT[], TEXT[], JSONB, NAME, JSONB);
DROP TABLE latchkey.audit_leaf;
DROP TABLE latchkey.command;
