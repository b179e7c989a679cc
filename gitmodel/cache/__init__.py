"""The local cache: blobs by oid (`store`), the small ones many to a pack (`packs`)."""

from gitmodel.cache.store import SMALL, Cache, CacheWriter, Damage, damaged

__all__ = ["SMALL", "Cache", "CacheWriter", "Damage", "damaged"]
