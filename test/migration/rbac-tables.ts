/** Every table of the rbac schema's documentation, with the columns that it names. */
export const documentedTables: Record<string, string[]> = {
  users: [
    'id uuid not null',
    'email character varying(255) not null',
    'password_hash character varying(255) not null',
    'name character varying(100) not null',
    'phone character varying(20)',
    'is_active boolean',
    'is_verified boolean',
    'last_login timestamp without time zone',
    'created_at timestamp without time zone',
    'updated_at timestamp without time zone',
  ],
  roles: [
    'id uuid not null',
    'name character varying(50) not null',
    'description text',
    'is_system boolean',
    'created_at timestamp without time zone',
  ],
  user_roles: [
    'user_id uuid not null',
    'role_id uuid not null',
    'assigned_at timestamp without time zone',
    'assigned_by uuid',
  ],
  // Named without columns.
  permissions: ['id uuid not null'],
  sessions: [
    'id uuid not null',
    'user_id uuid not null',
    'token_hash character varying(255) not null',
    'ip_address inet',
    'user_agent text',
    'expires_at timestamp without time zone not null',
    'created_at timestamp without time zone',
  ],
  // The diagram says "string" without a length, and which columns refer to others.
  posts: [
    'id uuid not null',
    'user_id uuid not null',
    'title character varying(255) not null',
    'content text',
    'status character varying(20) not null',
    'published_at timestamp without time zone',
    'created_at timestamp without time zone',
    'updated_at timestamp without time zone',
  ],
  comments: [
    'id uuid not null',
    'post_id uuid not null',
    'user_id uuid not null',
    'content text not null',
    'created_at timestamp without time zone',
  ],
  user_profiles: [
    'id uuid not null',
    'user_id uuid',
    'bio text',
    'avatar_url character varying(500)',
    'created_at timestamp without time zone',
  ],
  // What the query of the paginated list asks for.
  resources: [
    'user_id uuid not null',
    'status character varying(20) not null',
    'created_at timestamp without time zone',
  ],
  audit_logs: [
    'id bigint not null',
    'user_id uuid',
    'action character varying(50) not null',
    'entity_type character varying(50)',
    'entity_id uuid',
    'old_values jsonb',
    'new_values jsonb',
    'ip_address inet',
    'created_at timestamp without time zone not null',
  ],
};

/** Every index that the documentation names, as table (columns). */
export const documentedIndexes: Record<string, string> = {
  idx_users_email: 'users (email)',
  idx_users_created_at: 'users (created_at DESC)',
  idx_sessions_token_hash: 'sessions (token_hash)',
  idx_sessions_expires_at: 'sessions (expires_at)',
  idx_audit_logs_user_id: 'audit_logs (user_id)',
  idx_audit_logs_entity: 'audit_logs (entity_type, entity_id)',
  idx_audit_logs_created_at: 'audit_logs (created_at DESC)',
  idx_user_profiles_user_id: 'user_profiles (user_id)',
};

/** Every default that the documentation gives, as PostgreSQL writes it; null where it gives an id none. */
export const documentedDefaults: Record<string, string | null> = {
  'users.id': 'uuid_generate_v4()',
  'users.is_active': 'true',
  'users.is_verified': 'false',
  'users.created_at': 'CURRENT_TIMESTAMP',
  'users.updated_at': 'CURRENT_TIMESTAMP',
  'roles.id': null,
  'roles.is_system': 'false',
  'roles.created_at': 'CURRENT_TIMESTAMP',
  'user_roles.assigned_at': 'CURRENT_TIMESTAMP',
  'sessions.id': null,
  'sessions.created_at': 'CURRENT_TIMESTAMP',
  'user_profiles.id': null,
  'user_profiles.created_at': 'now()',
  'audit_logs.id': "nextval('audit_logs_id_seq'::regclass)",
  'audit_logs.created_at': 'CURRENT_TIMESTAMP',
};

/** Every key that the documentation gives, as PostgreSQL writes it. */
export const documentedConstraints: Record<string, string[]> = {
  users: ['PRIMARY KEY (id)', 'UNIQUE (email)'],
  roles: ['PRIMARY KEY (id)', 'UNIQUE (name)'],
  user_roles: [
    'PRIMARY KEY (user_id, role_id)',
    'FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE',
    'FOREIGN KEY (role_id) REFERENCES roles(id) ON DELETE CASCADE',
    'FOREIGN KEY (assigned_by) REFERENCES users(id)',
  ],
  sessions: [
    'PRIMARY KEY (id)',
    'UNIQUE (token_hash)',
    // The documentation leaves open what becomes of the sessions of a user who goes.
    'FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE',
  ],
  posts: ['PRIMARY KEY (id)', 'FOREIGN KEY (user_id) REFERENCES users(id)'],
  comments: [
    'PRIMARY KEY (id)',
    'FOREIGN KEY (post_id) REFERENCES posts(id) ON DELETE CASCADE',
    'FOREIGN KEY (user_id) REFERENCES users(id)',
  ],
  user_profiles: ['PRIMARY KEY (id)', 'FOREIGN KEY (user_id) REFERENCES users(id)'],
  // The date is a part of a partitioned table's primary key.
  audit_logs: ['PRIMARY KEY (id, created_at)', 'FOREIGN KEY (user_id) REFERENCES users(id)'],
};
