"""The floor: the SQL, and the only Python that knows it."""
