-- Takes phase 2 back, leaves first, the logs' partitions with it.

DROP TABLE public.sms_deliveries;
DROP FUNCTION public.fill_sms_delivery_organization();
DROP TABLE public.notification_preferences;
DROP TABLE public.webhook_deliveries;
DROP FUNCTION public.fill_webhook_delivery_organization();
DROP TABLE public.webhooks;
DROP TABLE public.credential_approvals;
DROP TABLE public.multisig_requirements;
DROP TABLE public.template_reviews;
ALTER TABLE public.credential_templates DROP COLUMN category_id;
DROP TABLE public.template_categories;
DROP TABLE public.credential_analytics;
