"""Probes that stored documents name by their module path: they import nothing of ours."""
