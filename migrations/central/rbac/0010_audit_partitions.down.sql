-- Puts the audit trail back into one table, with all that it recorded.

DROP FUNCTION public.ensure_log_partitions(INTEGER, INTEGER);
DROP FUNCTION public.ensure_monthly_partitions(TEXT, TEXT, INTEGER, INTEGER);

ALTER TABLE public.audit_logs RENAME TO audit_logs_partitioned;
ALTER TABLE public.audit_logs_partitioned
  DROP CONSTRAINT audit_logs_pkey,
  DROP CONSTRAINT audit_logs_user_id_fkey;
DROP INDEX public.idx_audit_logs_user_id;
DROP INDEX public.idx_audit_logs_entity;
DROP INDEX public.idx_audit_logs_created_at;

CREATE TABLE public.audit_logs (
  id BIGINT NOT NULL DEFAULT nextval('public.audit_logs_id_seq') PRIMARY KEY,
  user_id UUID REFERENCES public.users (id),
  action VARCHAR(50) NOT NULL,
  entity_type VARCHAR(50),
  entity_id UUID,
  old_values JSONB,
  new_values JSONB,
  ip_address INET,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

ALTER SEQUENCE public.audit_logs_id_seq OWNED BY public.audit_logs.id;

INSERT INTO public.audit_logs
  (id, user_id, action, entity_type, entity_id, old_values, new_values, ip_address, created_at)
SELECT id, user_id, action, entity_type, entity_id, old_values, new_values, ip_address, created_at
FROM public.audit_logs_partitioned;

DROP TABLE public.audit_logs_partitioned;

CREATE INDEX idx_audit_logs_user_id ON public.audit_logs (user_id);
CREATE INDEX idx_audit_logs_entity ON public.audit_logs (entity_type, entity_id);
CREATE INDEX idx_audit_logs_created_at ON public.audit_logs (created_at DESC);

COMMENT ON TABLE public.audit_logs IS 'Audit trail of critical operations.';
COMMENT ON COLUMN public.audit_logs.old_values IS 'The changed fields before, never a secret.';
COMMENT ON COLUMN public.audit_logs.new_values IS 'The changed fields after, never a secret.';
