"""What the store keeps but must not show: sealed with a key that is never in the store, nor in its backups.

secrets.key   32 random bytes in base64; made by whoever needs it first, mode 0600

Without that file what was sealed cannot be opened again; it is not lost twice, so copy it with a backup.
"""

from __future__ import annotations

import base64
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cao.discovery import keep_first
from cao.protocol import Unavailable

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_FILE = "secrets.key"


class Vault:
    """Seals and opens the secrets of one data directory, and lends keys for other purposes."""

    def __init__(self, home: Path) -> None:
        self._path = home / KEY_FILE

    def seal(self, secret: str) -> str:
        """The secret as it may be stored. Raises `Unavailable` when the key can be neither read nor made."""
        return self._fernet.encrypt(secret.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """The secret again. Raises `Unavailable` when it was sealed with another key."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Unavailable(
                f"{KEY_FILE} in the data directory is not the key that this was sealed with; "
                "put the right file back, or set the secret again"
            ) from None

    def key(self, purpose: str) -> bytes:
        """32 bytes for one purpose, which tell nothing of those for another."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(self._master)

    @cached_property
    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet

        return Fernet(base64.urlsafe_b64encode(self.key("seal")))

    @cached_property
    def _master(self) -> bytes:
        try:
            if not self._path.exists():
                import secrets

                keep_first(self._path, base64.b64encode(secrets.token_bytes(32)).decode("ascii"))
            master = base64.b64decode(self._path.read_text("ascii"), validate=True)
        except OSError as error:
            reason = f"{KEY_FILE} in the data directory cannot be used: {error.strerror}; mend its permissions"
            raise Unavailable(reason) from error
        except ValueError:
            raise self._broken() from None
        if len(master) != 32:
            raise self._broken()
        return master

    def _broken(self) -> Unavailable:
        return Unavailable(
            f"{KEY_FILE} in the data directory is damaged; put a copy of it back, or remove it and set the secrets again"
        )
