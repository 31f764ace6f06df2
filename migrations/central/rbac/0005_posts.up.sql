-- Posts and comments, from the documentation's diagram, which gives their columns and leaves sizes and states open.
-- A comment goes with its post. An author stays: what people wrote is not to vanish because an account is removed.

CREATE TABLE public.posts (
  id UUID PRIMARY KEY DEFAULT public.uuid_generate_v4(),
  user_id UUID NOT NULL REFERENCES public.users (id),
  title VARCHAR(255) NOT NULL,
  content TEXT,
  status VARCHAR(20) NOT NULL DEFAULT 'draft',
  published_at TIMESTAMP,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT posts_title_not_blank CHECK (btrim(title) <> ''),
  CONSTRAINT posts_status_known CHECK (status IN ('draft', 'published', 'archived')),
  CONSTRAINT posts_published_dated CHECK (status <> 'published' OR published_at IS NOT NULL)
);

CREATE INDEX idx_posts_user_id ON public.posts (user_id, created_at DESC);
CREATE INDEX idx_posts_status ON public.posts (status, published_at DESC);

COMMENT ON TABLE public.posts IS 'What users write; drafts are their author''s alone.';

CREATE TABLE public.comments (
  id UUID PRIMARY KEY DEFAULT public.uuid_generate_v4(),
  post_id UUID NOT NULL REFERENCES public.posts (id) ON DELETE CASCADE,
  user_id UUID NOT NULL REFERENCES public.users (id),
  content TEXT NOT NULL,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT comments_content_not_blank CHECK (btrim(content) <> '')
);

CREATE INDEX idx_comments_post_id ON public.comments (post_id, created_at);
CREATE INDEX idx_comments_user_id ON public.comments (user_id);

COMMENT ON TABLE public.comments IS 'What users say to a post.';
