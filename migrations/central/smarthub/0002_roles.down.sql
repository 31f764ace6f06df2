-- Takes roles back, those that the schema brought and those that were added.

DROP TABLE public.user_roles;
DROP TABLE public.roles;
