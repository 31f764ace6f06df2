-- Takes posts and comments back.

DROP TABLE public.comments;
DROP TABLE public.posts;
