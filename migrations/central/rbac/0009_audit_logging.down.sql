-- Takes the audit trail back. What it recorded is gone with it: export first.

DROP TABLE public.audit_logs;
