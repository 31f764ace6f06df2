-- Takes profiles back.

DROP INDEX public.idx_user_profiles_user_id;
DROP TABLE public.user_profiles;
