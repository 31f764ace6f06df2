-- Signed-in sessions: the hash of the token, never the token. Ids have no default, as documented.

CREATE TABLE public.sessions (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  token_hash VARCHAR(255) UNIQUE NOT NULL,
  ip_address INET,
  user_agent TEXT,
  expires_at TIMESTAMP NOT NULL,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_sessions_token_hash ON public.sessions (token_hash);
CREATE INDEX idx_sessions_expires_at ON public.sessions (expires_at);
CREATE INDEX idx_sessions_user_id ON public.sessions (user_id);

COMMENT ON TABLE public.sessions IS 'Active sessions with the address and the agent they came from.';
COMMENT ON COLUMN public.sessions.token_hash IS 'Secret: hash of the session token.';
