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

-- Their ids are the same in every installation, so that what refers to them may be carried from one to the other.
INSERT INTO public.roles (id, name, description, is_system) VALUES
  ('b9919339-61f2-43fe-a34c-8931e0ad61bd', 'admin', 'Full system access', true),
  ('2eda8367-0fd0-4fd3-b00d-59b7ce434c4e', 'user', 'Standard user access', true),
  ('49624f2c-c8a9-418f-bba9-9aaad0620c19', 'viewer', 'Read-only access', true),
  ('f31ffa8b-70bf-4824-90e2-0ed1fb006303', 'moderator', 'Moderation capabilities', true);

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
