-- Generic business entities. The documentation names the table and its purpose, not its columns: entity_type is spelled
-- and sized as in audit_logs, which points here by (entity_type, entity_id), and deletion is soft as it is for users.

CREATE TABLE public.entities (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  entity_type VARCHAR(100) NOT NULL,
  name VARCHAR(255) NOT NULL,
  description TEXT,
  owner_id UUID REFERENCES public.users (id) ON DELETE SET NULL,
  data JSONB NOT NULL DEFAULT '{}',
  status VARCHAR(50) NOT NULL DEFAULT 'active',
  created_at TIMESTAMP NOT NULL DEFAULT now(),
  updated_at TIMESTAMP NOT NULL DEFAULT now(),
  deleted_at TIMESTAMP,
  CONSTRAINT entities_name_not_blank CHECK (btrim(name) <> ''),
  CONSTRAINT entities_data_object CHECK (jsonb_typeof(data) = 'object'),
  CONSTRAINT entities_status_known CHECK (status IN ('draft', 'active', 'archived'))
);

-- Lists show what is not deleted, of one type, newest first.
CREATE INDEX idx_entities_type_status ON public.entities (entity_type, status, created_at DESC)
  WHERE deleted_at IS NULL;
CREATE INDEX idx_entities_owner_id ON public.entities (owner_id);
CREATE INDEX idx_entities_created_at ON public.entities (created_at DESC);
CREATE INDEX idx_entities_data ON public.entities USING gin (data jsonb_path_ops);

COMMENT ON TABLE public.entities IS
  'Business entities of any type; what is particular to a type is in data. Deleted softly.';
