"""A bucket as a store."""

from batchmatrix.adapters.objectstore.s3 import open_s3, open_s3_of_user
from batchmatrix.adapters.objectstore.store import BucketStore

__all__ = ["BucketStore", "open_s3", "open_s3_of_user"]
