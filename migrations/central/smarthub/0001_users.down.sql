-- Takes people back. RESTRICT is the default on purpose: what somebody else hung on to the table stops this.

DROP TABLE public.users;
