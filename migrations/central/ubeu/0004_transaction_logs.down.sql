-- Takes the log back, its partitions with it. What it recorded is gone: export first.

DROP TRIGGER log_enterprise_api_keys_transaction ON public.enterprise_api_keys;
DROP TRIGGER log_enterprise_accounts_transaction ON public.enterprise_accounts;
DROP TRIGGER log_credentials_transaction ON public.credentials;
DROP TRIGGER log_domains_transaction ON public.domains;
DROP TRIGGER log_did_documents_transaction ON public.did_documents;
DROP TRIGGER log_users_transaction ON public.users;
DROP FUNCTION public.log_transaction();
DROP FUNCTION public.current_user_id();
DROP FUNCTION public.ensure_log_partitions(INTEGER, INTEGER);
DROP FUNCTION public.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER);
DROP TABLE public.transaction_logs;
