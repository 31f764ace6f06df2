-- Verifiable credentials. Subject and issuer are DIDs and no foreign keys, as documented: either may live elsewhere.
-- Not partitioned although it may grow large: its documented key is the id alone, verifiers look a credential up by
-- that, and it stays valid for years. The log of what happened to it is partitioned instead.

CREATE TABLE public.credentials (
  id UUID PRIMARY KEY,
  subject_did VARCHAR(255),
  issuer_did VARCHAR(255),
  credential_type VARCHAR(100),
  status VARCHAR(50) DEFAULT 'active',
  issued_at TIMESTAMP,
  expires_at TIMESTAMP,
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT credentials_status_known CHECK (status IN ('pending', 'active', 'suspended', 'revoked', 'expired')),
  CONSTRAINT credentials_expiry_after_issue CHECK (expires_at > issued_at)
);

CREATE INDEX idx_credentials_subject_did ON public.credentials (subject_did, status);
CREATE INDEX idx_credentials_issuer_did ON public.credentials (issuer_did, issued_at DESC);
CREATE INDEX idx_credentials_credential_type ON public.credentials (credential_type, status);
CREATE INDEX idx_credentials_expires_at ON public.credentials (expires_at) WHERE status = 'active';

COMMENT ON TABLE public.credentials IS 'Verifiable credentials: who is told what about by whom, and until when.';
