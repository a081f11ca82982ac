"""Django migrations: the groups; the models are views of another schema."""
