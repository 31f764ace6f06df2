-- Takes roles back.

DROP TABLE public.user_roles;
DROP TABLE public.roles;
