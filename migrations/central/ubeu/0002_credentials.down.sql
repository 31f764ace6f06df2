-- Takes credentials back.

DROP TABLE public.credentials;
