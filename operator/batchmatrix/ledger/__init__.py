"""All records of a matrix, durable: shards in a store, each naming the digest of the one before."""

from batchmatrix.ledger.codec import Entry, record_to_json
from batchmatrix.ledger.errors import BrokenLedger, Conflict
from batchmatrix.ledger.probe import probe
from batchmatrix.ledger.replay import State, replay
from batchmatrix.ledger.writer import Ledger

__all__ = ["BrokenLedger", "Conflict", "Entry", "Ledger", "State", "probe", "record_to_json", "replay"]
