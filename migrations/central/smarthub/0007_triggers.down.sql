-- Takes the automation back; the timestamps it wrote stay.

DROP TRIGGER update_entities_timestamp ON public.entities;
DROP TRIGGER update_api_keys_timestamp ON public.api_keys;
DROP TRIGGER update_roles_timestamp ON public.roles;
DROP TRIGGER update_users_timestamp ON public.users;
DROP FUNCTION public.update_timestamp();
