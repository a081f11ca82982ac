"""Task tokens as the API signs and verifies them: the same ones that the admin shows."""

from db.tokens import Scope, sign, verify

__all__ = ["Scope", "sign", "verify"]
