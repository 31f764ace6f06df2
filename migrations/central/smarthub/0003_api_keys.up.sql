-- API keys: the hash, never the key. A key is let in while is_active is true and expires_at lies ahead.

CREATE TABLE public.api_keys (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  key_hash VARCHAR(64) NOT NULL UNIQUE,
  name VARCHAR(100),
  description TEXT,
  last_used_at TIMESTAMP,
  expires_at TIMESTAMP,
  is_active BOOLEAN DEFAULT true,
  created_at TIMESTAMP NOT NULL DEFAULT now(),
  updated_at TIMESTAMP NOT NULL DEFAULT now(),
  CONSTRAINT key_length CHECK (length(key_hash) = 64)
);

CREATE INDEX idx_api_keys_user_id ON public.api_keys (user_id);
CREATE INDEX idx_api_keys_expires_at ON public.api_keys (expires_at);
CREATE INDEX idx_api_keys_active ON public.api_keys (is_active);

COMMENT ON TABLE public.api_keys IS 'Authentication tokens for access to the API.';
COMMENT ON COLUMN public.api_keys.key_hash IS 'Secret: SHA-256 of the key, in hex.';
COMMENT ON COLUMN public.api_keys.expires_at IS 'From here on the key is refused, with no job needed; NULL is never.';
COMMENT ON COLUMN public.api_keys.is_active IS 'What authentication reads: only true lets a key in.';
