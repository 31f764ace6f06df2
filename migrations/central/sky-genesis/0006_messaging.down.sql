-- Takes messaging back, leaves first.

DROP TABLE api_service.message_reads;
DROP TABLE api_service.message_reactions;
DROP TABLE api_service.message_attachments;
DROP TABLE api_service.messages;
DROP TABLE api_service.conversation_participants;
DROP TABLE api_service.conversations;
