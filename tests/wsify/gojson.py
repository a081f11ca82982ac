"""JSON as Go reads and writes it into `any`: every number a float, keys sorted, <, > and & escaped."""

import json
import math
from decimal import Decimal
from typing import Any

_escapes = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def loads(text: str) -> Any:
    def number(literal: str) -> float | int:
        value = float(literal)
        if math.isinf(value):
            raise ValueError(f"json: cannot unmarshal number {literal} into Go value of type float64")
        exact = Decimal(repr(value))
        return int(exact) if exact == exact.to_integral_value() and abs(exact) < Decimal("1e21") else value

    def constant(literal: str) -> None:
        raise ValueError(f"invalid character {literal[0]!r} looking for beginning of value")

    return json.loads(text, parse_int=number, parse_float=number, parse_constant=constant)


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).translate(_escapes)
