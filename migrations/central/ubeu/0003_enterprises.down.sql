-- Takes enterprises and their keys back.

DROP TABLE public.enterprise_api_keys;
DROP TABLE public.enterprise_accounts;
