-- Version 1.1.0 of the documentation: audit logging. What was done, by whom, with the values before and after.
-- user_id has no ON DELETE action, as documented: whoever acted cannot be deleted out of the record.

CREATE TABLE public.audit_logs (
  id BIGSERIAL PRIMARY KEY,
  user_id UUID REFERENCES public.users (id),
  action VARCHAR(50) NOT NULL,
  entity_type VARCHAR(50),
  entity_id UUID,
  old_values JSONB,
  new_values JSONB,
  ip_address INET,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_audit_logs_user_id ON public.audit_logs (user_id);
CREATE INDEX idx_audit_logs_entity ON public.audit_logs (entity_type, entity_id);
CREATE INDEX idx_audit_logs_created_at ON public.audit_logs (created_at DESC);

COMMENT ON TABLE public.audit_logs IS 'Audit trail of critical operations.';
COMMENT ON COLUMN public.audit_logs.old_values IS 'The changed fields before, never a secret.';
COMMENT ON COLUMN public.audit_logs.new_values IS 'The changed fields after, never a secret.';
