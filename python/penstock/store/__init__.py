"""Memory: PostgreSQL. The only package that imports asyncpg; one module a subject, its statements in sql/<module>.sql."""
