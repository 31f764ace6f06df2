-- Takes business entities back.

DROP TABLE public.entities;
