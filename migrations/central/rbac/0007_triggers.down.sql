-- Takes the automation back; the timestamps it wrote stay.

DROP TRIGGER update_resources_updated_at ON public.resources;
DROP TRIGGER update_posts_updated_at ON public.posts;
DROP TRIGGER update_users_updated_at ON public.users;
DROP FUNCTION public.update_updated_at();
