-- Takes permissions back, and the role that came with them.

DROP TABLE public.role_permissions;
DROP TABLE public.permissions;
DELETE FROM public.roles WHERE name = 'admin' AND is_system;
