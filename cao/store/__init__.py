"""State: one SQLite file, one writer, and the event log that is the order of the world.

`database` opens the file and owns its threads, `transaction` is what a change is written through, `hub` tells waiters of
commits; every other module holds the reads and transitions of one noun.
"""

from .database import Store
from .hub import Hub, Subscription
from .leases import Lease, LeaseLost
from .transaction import Reader, Row, Transaction

__all__ = ["Hub", "Lease", "LeaseLost", "Reader", "Row", "Store", "Subscription", "Transaction"]
