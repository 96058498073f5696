"""A folder on a disk (a PersistentVolume, a laptop) as a store."""

from batchmatrix.adapters.folder.store import FolderStore

__all__ = ["FolderStore"]
