-- Takes identities back. RESTRICT is the default on purpose: what somebody else hung on to these tables stops this.

DROP TABLE public.domains;
DROP TABLE public.did_documents;
DROP TABLE public.users;
