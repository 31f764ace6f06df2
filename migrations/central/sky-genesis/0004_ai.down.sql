-- Takes the AI tables back.

DROP TABLE api_service.ai_inference_log;
DROP FUNCTION api_service.fill_inference_log_organization();
DROP TABLE api_service.ai_models;
