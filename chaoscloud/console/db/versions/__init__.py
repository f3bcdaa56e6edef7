"""Alembic's migrations, one file each; `CONTRIBUTING.md` says how to add one."""
