import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.keys import RANDOM_BYTES, digest, new_key

RANDOM = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(RANDOM)
def test_a_key_is_safe_in_headers_and_urls(random: bytes) -> None:
    """A key is `pk_` and 43 characters that need no escaping anywhere."""
    assert re.fullmatch(r"pk_[A-Za-z0-9_-]{43}", new_key(random).text)


@given(RANDOM)
def test_only_the_hash_is_for_keeping(random: bytes) -> None:
    """What is stored is the SHA-256 of the key, and what is shown of it later is six characters."""
    key = new_key(random)
    assert key.digest == digest(key.text) == hashlib.sha256(key.text.encode()).digest()
    assert key.prefix == key.text[:9]


@given(RANDOM)
def test_a_key_does_not_print_itself(random: bytes) -> None:
    """The repr of a new key carries its prefix and neither the key nor its hash."""
    key = new_key(random)
    assert key.text not in repr(key)
    assert key.digest.hex() not in repr(key)
    assert repr(key) == f"NewKey({key.prefix}…)"


@given(RANDOM, RANDOM)
def test_different_bytes_are_different_keys(first: bytes, second: bytes) -> None:
    """No two random values give the same key."""
    assert (new_key(first).text == new_key(second).text) == (first == second)
