-- Takes the automation back; the moments and the policies that it wrote stay.

DROP TRIGGER fill_retention_until ON public.enhanced_audit_logs;
DROP FUNCTION public.fill_retention_until();

DROP TRIGGER seed_new_organization ON public.organizations;
DROP FUNCTION public.seed_new_organization();
DROP FUNCTION public.seed_organization(UUID);

DROP TRIGGER update_custom_credential_templates_timestamp ON public.custom_credential_templates;
DROP TRIGGER update_organization_branding_timestamp ON public.organization_branding;
DROP TRIGGER update_credential_templates_timestamp ON public.credential_templates;
DROP TRIGGER update_credentials_timestamp ON public.credentials;
DROP TRIGGER update_credential_schemas_timestamp ON public.credential_schemas;
DROP TRIGGER update_users_timestamp ON public.users;
DROP TRIGGER update_organizations_timestamp ON public.organizations;
DROP FUNCTION public.update_timestamp();
