"""What can be asked of notifications. Importing this package adds the operations to the registry."""

from . import delivery, notifier, notify, rule

__all__ = ["delivery", "notifier", "notify", "rule"]
