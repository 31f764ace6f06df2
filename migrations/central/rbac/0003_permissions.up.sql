-- What a role allows. The documentation's diagram has "ROLE has PERMISSION" and no table for it: a catalogue of
-- permissions, and which role has which, since two roles may well allow the same thing.

CREATE TABLE public.permissions (
  id UUID PRIMARY KEY DEFAULT public.uuid_generate_v4(),
  name VARCHAR(101) UNIQUE NOT NULL,
  resource VARCHAR(50) NOT NULL,
  action VARCHAR(50) NOT NULL,
  description TEXT,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT permissions_name_composed CHECK (name = resource || ':' || action),
  CONSTRAINT permissions_resource_format CHECK (resource ~ '^[a-z][a-z_]*$'),
  CONSTRAINT permissions_action_format CHECK (action ~ '^[a-z][a-z_]*$')
);

COMMENT ON TABLE public.permissions IS 'What can be allowed, as resource:action.';

CREATE TABLE public.role_permissions (
  role_id UUID REFERENCES public.roles (id) ON DELETE CASCADE,
  permission_id UUID REFERENCES public.permissions (id) ON DELETE CASCADE,
  granted_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  granted_by UUID REFERENCES public.users (id),
  PRIMARY KEY (role_id, permission_id)
);

CREATE INDEX idx_role_permissions_permission_id ON public.role_permissions (permission_id);
CREATE INDEX idx_role_permissions_granted_by ON public.role_permissions (granted_by);

COMMENT ON TABLE public.role_permissions IS 'Which role allows what, since when, and who granted it.';

-- What the policies of this schema ask for, in the migration on access. Their ids and that of the role below are the
-- same in every installation, so that what refers to them may be carried from one to the other.
INSERT INTO public.permissions (id, name, resource, action, description) VALUES
  ('b125289a-8621-4e0c-918c-d18b05938fa6', 'users:read', 'users', 'read', 'See all users and their profiles'),
  ('32a0cb5f-93fa-45f8-a41c-0098d4152b89', 'users:write', 'users', 'write', 'Add users, change and deactivate them'),
  ('74fad719-821c-4310-a669-1bd71c23bb61', 'roles:write', 'roles', 'write', 'Give roles out and take them back; define roles'),
  ('feb3055f-4798-4079-9e8e-667b8356f7cf', 'sessions:write', 'sessions', 'write', 'See and end the sessions of others'),
  ('fd924554-9f7e-49b4-a5c9-a37f639234e0', 'posts:write', 'posts', 'write', 'Change and remove posts and comments of others'),
  ('de9f0c44-5011-47e8-aab2-6cbfc4682f46', 'resources:read', 'resources', 'read', 'See the resources of others'),
  ('49757091-863c-4aae-92bd-69848af08d34', 'resources:write', 'resources', 'write', 'Change and remove resources of others'),
  ('150c7347-4ea6-4224-8b10-cbda1a627652', 'audit_logs:read', 'audit_logs', 'read', 'Read the audit trail');

-- Without a role that may give roles out, nobody could begin.
INSERT INTO public.roles (id, name, description, is_system)
VALUES ('8213a11a-f943-48ff-8ef1-b23e2c7a5968', 'admin', 'Everything', true);

INSERT INTO public.role_permissions (role_id, permission_id)
SELECT r.id, p.id FROM public.roles AS r CROSS JOIN public.permissions AS p WHERE r.name = 'admin';
