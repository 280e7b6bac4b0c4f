"""Signed notes (C2SP signed-note): a text, a blank line, and signature lines.

The reader is strict: what two readers could take differently is refused. Bytes in, bytes out.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from handrail.errors import InvalidInput, InvalidProof, Unreadable

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100

_DASH = "— ".encode()
_SPACES = re.compile(r"\s")
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature line: the key's name, its 4-byte id, and the signature itself."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A signature that held. `time` is the cosignature's, seconds since the epoch; None for a plain one."""

    key: VerifierKey
    time: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key under a name. Its text form ("vkey") is `name+<id hex>+<base64 of type ‖ key>`."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ 0A ‖ type ‖ key)."""
        return key_id(self.name, self.algorithm, self.public)

    @property
    def text(self) -> str:
        """The vkey."""
        packed = base64.b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{packed}"

    def verify(self, text: bytes, signature: bytes) -> int | None:
        """The cosignature's time, or None. Raises `InvalidProof` if the signature does not hold."""
        if self.algorithm == ED25519:
            _check_ed25519(self.public, signature, text, self.name)
            return None
        if len(signature) != 72:
            raise InvalidProof(f"a cosignature of {self.name} has {len(signature)} bytes, not 72")
        time = int.from_bytes(signature[:8], "big")
        _check_ed25519(self.public, signature[8:], cosigned_text(text, time), self.name)
        return time


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SigningKey:
    """An Ed25519 key under a name: signs notes (type 0x01) or cosigns checkpoints with a time (0x04)."""

    name: str
    seed: bytes
    algorithm: int = ED25519

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.seed) != 32 or self.algorithm not in (ED25519, COSIGNATURE):
            raise InvalidInput("a signing key needs a seed of 32 bytes and a type of 1 or 4")

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerifierKey(name=self.name, algorithm=self.algorithm, public=public)

    @property
    def text(self) -> str:
        """The private text form ("skey"). Keep it secret."""
        packed = base64.b64encode(bytes([self.algorithm]) + self.seed).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{packed}"

    def sign(self, text: bytes, *, time: int | None = None) -> Signature:
        """Sign a note's text. A cosignature needs `time`, seconds since the epoch."""
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        if self.algorithm == ED25519:
            signature = private.sign(text)
        elif time is None or not 0 <= time < 2**63:
            raise InvalidInput("a cosignature needs a time, in seconds since the epoch")
        else:
            signature = time.to_bytes(8, "big") + private.sign(cosigned_text(text, time))
        return Signature(name=self.name, key_id=self.verifier.key_id, signature=signature)

    def __repr__(self) -> str:
        return f"SigningKey(name={self.name!r}, seed=secret)"


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """First 4 bytes of SHA-256(name ‖ 0A ‖ type ‖ key)."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]


def cosigned_text(text: bytes, time: int) -> bytes:
    """What a timestamped cosignature (type 0x04) signs."""
    return b"cosignature/v1\ntime %d\n" % time + text


def parse_vkey(text: str) -> VerifierKey:
    """Read a vkey. Raises `InvalidInput` if it is malformed, its id is wrong or its type unknown."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise InvalidInput(f"no verifier key: {text[:100]!r}", remedy="Expected name+id+base64.")
    name, id, packed = parts
    check_name(name)
    data = decode_base64(packed.encode())
    if len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
        raise InvalidInput(f"the verifier key of {name} is not of a known type and length")
    key = VerifierKey(name=name, algorithm=data[0], public=data[1:])
    if key.key_id.hex() != id:
        raise InvalidInput(f"the verifier key of {name} does not have the id {id[:20]!r}")
    return key


def parse_skey(text: str) -> SigningKey:
    """Read a private key text. Raises `InvalidInput` without repeating the secret."""
    parts = text.strip().split("+", 4)
    if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
        raise InvalidInput("this is no private key text", remedy="Expected PRIVATE+KEY+name+id+base64.")
    data = decode_base64(parts[4].encode())
    if len(data) != 33:
        raise InvalidInput("the private key does not have 32 bytes")
    key = SigningKey(name=parts[2], seed=data[1:], algorithm=data[0])
    if key.verifier.key_id.hex() != parts[3]:
        raise InvalidInput("the private key does not match the id in its text")
    return key


def check_name(name: str) -> None:
    """Raise `InvalidInput` unless this can name a key: not empty, no white space, no `+`."""
    if not name or "+" in name or _SPACES.search(name) or not name.isprintable():
        raise InvalidInput(f"{name[:80]!r} cannot name a key", remedy="Use <host>/<workspace>, without spaces or +.")


def decode_base64(text: bytes) -> bytes:
    """Standard base64 in its one canonical spelling. Raises `InvalidInput` otherwise (stray pad bits too)."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise InvalidInput("not base64") from None
    if base64.b64encode(data) != text:
        raise InvalidInput("base64 not in its canonical spelling")
    return data


def signature_line(signature: Signature) -> bytes:
    """`— name base64(key id ‖ signature)` and a newline."""
    packed = base64.b64encode(signature.key_id + signature.signature)
    return _DASH + signature.name.encode() + b" " + packed + b"\n"


def join_note(text: bytes, signatures: Iterable[Signature]) -> bytes:
    """A whole note. The text must end with a newline."""
    if not text.endswith(b"\n"):
        raise InvalidInput("a note's text must end with a newline")
    return text + b"\n" + b"".join(map(signature_line, signatures))


def split_note(note: bytes) -> tuple[bytes, bytes]:
    """Text (with its last newline) and signature block. Raises `Unreadable` for what is no note."""
    if len(note) > MAX_NOTE_BYTES:
        raise Unreadable(f"a note of {len(note)} bytes is over {MAX_NOTE_BYTES}")
    if _CONTROL.search(note):
        raise Unreadable("a note holds a control character")
    try:
        note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"a note is not UTF-8 at byte {error.start}") from None
    at = note.rfind(b"\n\n")
    if at < 0:
        raise Unreadable("a note has no blank line before its signatures")
    return note[: at + 1], note[at + 2 :]


def parse_signatures(block: bytes) -> list[Signature]:
    """The signature lines. Raises `Unreadable` for none, over 100, any malformed one, or a doubled key."""
    if not block.endswith(b"\n"):
        raise Unreadable("a note's last signature line does not end")
    lines = block[:-1].split(b"\n")
    if len(lines) > MAX_SIGNATURES:
        raise Unreadable(f"a note with {len(lines)} signatures; at most {MAX_SIGNATURES} are read")
    signatures = [_signature(line) for line in lines]
    if len({(signature.name, signature.key_id) for signature in signatures}) != len(signatures):
        raise Unreadable("a note is signed twice by one key")
    return signatures


def _signature(line: bytes) -> Signature:
    name, _, packed = line.removeprefix(_DASH).partition(b" ")
    try:
        if not line.startswith(_DASH):
            raise InvalidInput("it does not begin with a dash")
        check_name(name.decode("utf-8"))
        data = decode_base64(packed)
    except (InvalidInput, UnicodeDecodeError) as error:
        raise Unreadable(f"a signature line is malformed: {error}") from None
    if len(data) < 5:
        raise Unreadable("a signature line is too short")
    return Signature(name=name.decode(), key_id=data[:4], signature=data[4:])


def open_note(note: bytes, keys: Sequence[VerifierKey]) -> tuple[bytes, list[Verified]]:
    """The text, and which of the known keys signed it (unknown ones are passed over).

    Raises `Unreadable` for what is no note, `InvalidProof` if a known key's signature does not hold.
    An empty list means: nobody known has signed this.
    """
    text, block = split_note(note)
    known = {(key.name, key.key_id): key for key in keys}
    verified = []
    for signature in parse_signatures(block):
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            verified.append(Verified(key=key, time=key.verify(text, signature.signature)))
    return text, verified


def _check_ed25519(public: bytes, signature: bytes, message: bytes, name: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        raise InvalidProof(f"the signature of {name} does not hold") from None
    except ValueError:
        raise InvalidProof(f"the key of {name} is no Ed25519 key") from None
