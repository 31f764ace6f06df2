DROP FUNCTION latchkey.posture();
DROP TABLE latchkey.posture_report;
