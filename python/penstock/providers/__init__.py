"""The door out: what a provider is, and Mitto. The only package that speaks to one."""
