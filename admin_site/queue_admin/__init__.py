"""The queue in Django's admin: read through unmanaged models, steered through SQL functions, never edited."""
