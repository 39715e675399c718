"""The operator's API: tenants, their keys, the audit log. It exists where PENSTOCK_ADMIN_KEY is set."""
