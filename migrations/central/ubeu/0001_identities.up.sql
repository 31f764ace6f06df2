-- UBeU, identities: users with their decentralized identifiers (DIDs), the documents behind those, and their domains.
-- Ids have no default, as documented: whoever writes a row brings it.
-- TIMESTAMP columns carry no zone; by convention they hold UTC, so hosts set TimeZone = 'UTC' on their connections.

CREATE TABLE public.users (
  id UUID PRIMARY KEY,
  email VARCHAR(255) UNIQUE,
  primary_did VARCHAR(255) NOT NULL,
  hcs_topic_id VARCHAR(255) NOT NULL,
  status VARCHAR(50) DEFAULT 'active',
  created_at TIMESTAMP DEFAULT now(),
  last_login_at TIMESTAMP DEFAULT now(),
  CONSTRAINT users_status_known CHECK (status IN ('pending', 'active', 'suspended', 'deactivated'))
);

CREATE INDEX idx_users_primary_did ON public.users (primary_did);
CREATE INDEX idx_users_hcs_topic_id ON public.users (hcs_topic_id);
CREATE INDEX idx_users_status ON public.users (status);
CREATE INDEX idx_users_created_at ON public.users (created_at DESC);

COMMENT ON TABLE public.users IS
  'People by their DID. There is no password: whoever controls the DID is let in, while status is active.';
COMMENT ON COLUMN public.users.primary_did IS 'The DID that the user signs in with; its document is in did_documents.';
COMMENT ON COLUMN public.users.hcs_topic_id IS 'Topic of the Hedera Consensus Service that the user''s events go to.';

CREATE TABLE public.did_documents (
  id UUID PRIMARY KEY,
  user_id UUID REFERENCES public.users (id),
  did_identifier VARCHAR(255) UNIQUE NOT NULL,
  did_type VARCHAR(50) DEFAULT 'personal',
  document_hash VARCHAR(64),
  status VARCHAR(50) DEFAULT 'active',
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT did_documents_identifier_format CHECK (did_identifier ~ '^did:[a-z0-9]+:.+$'),
  CONSTRAINT did_documents_status_known CHECK (status IN ('active', 'suspended', 'deactivated'))
);

-- Serves the foreign key as well, being its prefix.
CREATE INDEX idx_did_documents_user_id ON public.did_documents (user_id, status);
CREATE INDEX idx_did_documents_document_hash ON public.did_documents (document_hash);

COMMENT ON TABLE public.did_documents IS 'DIDs of users, with the hash of the document that each resolves to.';

CREATE TABLE public.domains (
  id UUID PRIMARY KEY,
  user_id UUID REFERENCES public.users (id),
  domain_name VARCHAR(255) UNIQUE NOT NULL,
  domain_type VARCHAR(50),
  blockchain_network VARCHAR(50),
  status VARCHAR(50) DEFAULT 'active',
  expires_at TIMESTAMP,
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT domains_status_known CHECK (status IN ('pending', 'active', 'suspended', 'expired'))
);

CREATE INDEX idx_domains_user_id ON public.domains (user_id, status);
CREATE INDEX idx_domains_blockchain_network ON public.domains (blockchain_network);
-- "What expires next" asks only for domains that are in use.
CREATE INDEX idx_domains_expires_at ON public.domains (expires_at) WHERE status = 'active';

COMMENT ON TABLE public.domains IS 'Domains of users, on the blockchain network that each is registered with.';
