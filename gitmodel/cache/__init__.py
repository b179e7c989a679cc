"""The local cache: blobs by oid (`store`), small ones many to a pack (`packs`, `openpacks`)."""

from gitmodel.cache.store import SMALL, Cache, CacheWriter, Damage, damaged

__all__ = ["SMALL", "Cache", "CacheWriter", "Damage", "damaged"]
