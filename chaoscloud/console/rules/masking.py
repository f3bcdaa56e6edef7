"""A secret that a page repeats, written differently each time.

The length of a packed page tells whether something on it stands there twice. What is never written
the same way twice cannot be found out by asking for a page often (BREACH).
"""

import secrets


def mask(secret: str) -> str:
    """The secret, which is hexadecimal, behind a pad of its own: hexadecimal, twice as long."""
    plain = bytes.fromhex(secret)
    pad = secrets.token_bytes(len(plain))
    return (pad + _xor(plain, pad)).hex()


def unmask(masked: str) -> str:
    """The secret behind a mask; nothing when there is none."""
    try:
        both = bytes.fromhex(masked)
    except ValueError:
        return ""
    half = len(both) // 2
    return _xor(both[:half], both[half:]).hex()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))
