"""Commands for developers and operators, behind the verbs of the Makefile."""
