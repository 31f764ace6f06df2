-- Takes sessions back: everybody signs in again.

DROP TABLE public.sessions;
