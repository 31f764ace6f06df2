-- Takes resources back.

DROP TABLE public.resources;
