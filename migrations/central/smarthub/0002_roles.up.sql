-- Roles, and who has which. The four roles that the documentation defines are part of the schema.

CREATE TABLE public.roles (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(100) NOT NULL UNIQUE,
  description TEXT,
  is_system BOOLEAN DEFAULT false,
  created_at TIMESTAMP NOT NULL DEFAULT now(),
  updated_at TIMESTAMP NOT NULL DEFAULT now()
);

CREATE INDEX idx_roles_name ON public.roles (name);

COMMENT ON TABLE public.roles IS 'Roles that users have. System roles belong to the schema and are not for editing.';

INSERT INTO public.roles (name, description, is_system) VALUES
  ('admin', 'Full system access', true),
  ('user', 'Standard user access', true),
  ('viewer', 'Read-only access', true),
  ('moderator', 'Moderation capabilities', true);

CREATE TABLE public.user_roles (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id UUID NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  role_id UUID NOT NULL REFERENCES public.roles (id) ON DELETE CASCADE,
  assigned_at TIMESTAMP NOT NULL DEFAULT now(),
  -- No ON DELETE action, as documented: whoever gave a role out is deleted softly or not at all.
  assigned_by UUID REFERENCES public.users (id),
  UNIQUE (user_id, role_id)
);

CREATE INDEX idx_user_roles_user_id ON public.user_roles (user_id);
CREATE INDEX idx_user_roles_role_id ON public.user_roles (role_id);
CREATE INDEX idx_user_roles_composite ON public.user_roles (user_id, role_id);
-- The documentation counts on an index for each foreign key. PostgreSQL makes none of itself.
CREATE INDEX idx_user_roles_assigned_by ON public.user_roles (assigned_by);

COMMENT ON TABLE public.user_roles IS 'Which user has which role, since when, and who gave it.';
