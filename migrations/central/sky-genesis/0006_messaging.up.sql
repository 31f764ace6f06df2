-- Messaging: conversations, who takes part, what was said, attached, answered and read.
-- A conversation belongs to an organization; everything below it reaches that organization through it.

CREATE TABLE api_service.conversations (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID REFERENCES api_service.organizations (id) ON DELETE CASCADE,
  title VARCHAR(255),
  type VARCHAR(50) DEFAULT 'direct',
  created_by UUID REFERENCES api_service.users (id) ON DELETE SET NULL,
  is_archived BOOLEAN DEFAULT false,
  last_message_at TIMESTAMP,
  created_at TIMESTAMP DEFAULT now(),
  updated_at TIMESTAMP DEFAULT now(),
  CONSTRAINT conversations_type_known CHECK (type IN ('direct', 'group', 'channel'))
);

CREATE INDEX conversations_organization_idx
  ON api_service.conversations (organization_id, last_message_at DESC NULLS LAST);
CREATE INDEX conversations_created_by_idx ON api_service.conversations (created_by);

COMMENT ON TABLE api_service.conversations IS 'Direct, group and channel conversations.';

CREATE TABLE api_service.conversation_participants (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  conversation_id UUID REFERENCES api_service.conversations (id) ON DELETE CASCADE,
  user_id UUID REFERENCES api_service.users (id) ON DELETE CASCADE,
  role VARCHAR(50) DEFAULT 'member',
  joined_at TIMESTAMP DEFAULT now(),
  last_read_at TIMESTAMP,
  is_muted BOOLEAN DEFAULT false,
  CONSTRAINT conversation_participants_conversation_user_key UNIQUE (conversation_id, user_id),
  CONSTRAINT conversation_participants_role_known
    CHECK (role IN ('owner', 'admin', 'moderator', 'member', 'guest'))
);

CREATE INDEX conversation_participants_user_idx ON api_service.conversation_participants (user_id);

COMMENT ON TABLE api_service.conversation_participants IS
  'Who takes part in a conversation, and how far they have read.';

CREATE TABLE api_service.messages (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  conversation_id UUID REFERENCES api_service.conversations (id) ON DELETE CASCADE,
  sender_id UUID REFERENCES api_service.users (id) ON DELETE SET NULL,
  content TEXT,
  message_type VARCHAR(50) DEFAULT 'text',
  reply_to_id UUID REFERENCES api_service.messages (id) ON DELETE SET NULL,
  is_edited BOOLEAN DEFAULT false,
  edited_at TIMESTAMP,
  created_at TIMESTAMP DEFAULT now(),
  updated_at TIMESTAMP DEFAULT now(),
  CONSTRAINT messages_message_type_known
    CHECK (message_type IN ('text', 'image', 'file', 'audio', 'video', 'system'))
);

CREATE INDEX messages_conversation_idx ON api_service.messages (conversation_id, created_at DESC);
CREATE INDEX messages_sender_idx ON api_service.messages (sender_id);
CREATE INDEX messages_reply_to_idx ON api_service.messages (reply_to_id);

COMMENT ON TABLE api_service.messages IS 'Messages, with the message that each answers.';

CREATE TABLE api_service.message_attachments (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  message_id UUID REFERENCES api_service.messages (id) ON DELETE CASCADE,
  filename VARCHAR(255) NOT NULL,
  original_filename VARCHAR(255) NOT NULL,
  mime_type VARCHAR(100),
  file_size INTEGER,
  file_url TEXT,
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT message_attachments_file_size_positive CHECK (file_size >= 0)
);

CREATE INDEX message_attachments_message_idx ON api_service.message_attachments (message_id);

COMMENT ON TABLE api_service.message_attachments IS 'Files that came with a message; file_size in bytes.';

CREATE TABLE api_service.message_reactions (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  message_id UUID REFERENCES api_service.messages (id) ON DELETE CASCADE,
  user_id UUID REFERENCES api_service.users (id) ON DELETE CASCADE,
  reaction VARCHAR(50) NOT NULL,
  created_at TIMESTAMP DEFAULT now(),
  CONSTRAINT message_reactions_message_user_reaction_key UNIQUE (message_id, user_id, reaction)
);

CREATE INDEX message_reactions_user_idx ON api_service.message_reactions (user_id);

COMMENT ON TABLE api_service.message_reactions IS 'Emoji reactions, each once per person and message.';

CREATE TABLE api_service.message_reads (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  message_id UUID REFERENCES api_service.messages (id) ON DELETE CASCADE,
  user_id UUID REFERENCES api_service.users (id) ON DELETE CASCADE,
  read_at TIMESTAMP DEFAULT now(),
  CONSTRAINT message_reads_message_user_key UNIQUE (message_id, user_id)
);

CREATE INDEX message_reads_user_idx ON api_service.message_reads (user_id);

COMMENT ON TABLE api_service.message_reads IS 'Read receipts, one per person and message.';
