"""The Django admin: operators' window onto the same functions."""
