-- Roles, and who has which. Ids of roles have no default, as documented: whoever writes one brings it.

CREATE TABLE public.roles (
  id UUID PRIMARY KEY,
  name VARCHAR(50) UNIQUE NOT NULL,
  description TEXT,
  is_system BOOLEAN DEFAULT false,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

COMMENT ON TABLE public.roles IS 'Roles that users have. System roles belong to the schema and are not for editing.';

CREATE TABLE public.user_roles (
  user_id UUID,
  role_id UUID,
  assigned_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  assigned_by UUID,
  PRIMARY KEY (user_id, role_id),
  FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE CASCADE,
  FOREIGN KEY (role_id) REFERENCES public.roles (id) ON DELETE CASCADE,
  FOREIGN KEY (assigned_by) REFERENCES public.users (id)
);

-- The primary key serves user_id, being its prefix. The others get what the documentation asks of every foreign key.
CREATE INDEX idx_user_roles_role_id ON public.user_roles (role_id);
CREATE INDEX idx_user_roles_assigned_by ON public.user_roles (assigned_by);

COMMENT ON TABLE public.user_roles IS 'Which user has which role, since when, and who gave it.';
