"""The queue at work: what each kind of item asks for when its turn has come, and the duty that dispatches.

`cao.store.queue` holds the items, `cao.store.dispatches` the claims on them; this is what starts things.
"""

from .duty import Dispatcher
from .work import starter, told

__all__ = ["Dispatcher", "starter", "told"]
