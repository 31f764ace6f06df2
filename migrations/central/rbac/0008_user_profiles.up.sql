-- Profiles: the documentation's example of a migration, to the letter. Ids have no default there.

CREATE TABLE public.user_profiles (
  id UUID PRIMARY KEY,
  user_id UUID REFERENCES public.users (id),
  bio TEXT,
  avatar_url VARCHAR(500),
  created_at TIMESTAMP DEFAULT now()
);

CREATE INDEX idx_user_profiles_user_id ON public.user_profiles (user_id);

COMMENT ON TABLE public.user_profiles IS 'What users tell of themselves.';
