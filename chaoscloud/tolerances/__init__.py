"""Tolerances that stored documents name by their module path: they import nothing of ours.

A tolerance answers a question, so it never raises: a value it cannot read is not within bounds.
"""
