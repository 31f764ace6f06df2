-- Takes API keys back.

DROP TABLE public.api_keys;
