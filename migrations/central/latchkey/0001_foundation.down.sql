-- The uninstaller drops the views that call these functions first.
DROP FUNCTION latchkey.join(TEXT, TEXT);
DROP FUNCTION latchkey.require_device();
DROP FUNCTION latchkey.current_organization();
DROP SEQUENCE latchkey.device_number;
DROP TABLE latchkey.device;
DROP TABLE latchkey.organization;
DROP TABLE latchkey.mirrored_table;
DROP TABLE latchkey.epoch;
DROP TABLE latchkey.installation;
