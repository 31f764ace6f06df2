-- Takes phase 5 back, leaves first, the logs' partitions with it. The compliance trail is gone with it: export first.

DROP FUNCTION public.ensure_log_partitions(INTEGER, INTEGER);
DROP TABLE public.workflow_instances;
DROP TABLE public.approval_workflows;
DROP TABLE public.custom_fields;
DROP TABLE public.custom_credential_templates;
DROP TABLE public.organization_branding;
DROP TABLE public.model_predictions;
DROP FUNCTION public.fill_prediction_organization();
DROP TABLE public.analytics_models;
DROP TABLE public.real_time_analytics;
DROP TABLE public.erp_integrations;
DROP TABLE public.ldap_user_mappings;
DROP TABLE public.ldap_configurations;
DROP TABLE public.retention_policies;
DROP TABLE public.enhanced_audit_logs;
