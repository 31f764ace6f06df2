-- Takes the core platform back, the logs' partitions with it: what they recorded is gone, so export first. RESTRICT is
-- the default on purpose: tables that somebody else has hung onto these stop this, instead of losing their references.

DROP TABLE public.audit_logs;
DROP TABLE public.notifications;
DROP TABLE public.api_keys;
DROP TABLE public.user_sessions;
DROP TABLE public.credential_templates;
DROP TABLE public.issuer_categories;
DROP TABLE public.verification_logs;
DROP FUNCTION public.fill_verification_organization();
DROP TABLE public.credentials;
DROP TABLE public.credential_schemas;
DROP TABLE public.users;
DROP TABLE public.organizations;
DROP FUNCTION public.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER);
